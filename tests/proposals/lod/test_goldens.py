"""Our stages give what the authors' released code gave (spec/lod_golden: run in Octave; boxes 1-based inclusive)."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from objectcrop.boxes import Size
from objectcrop.proposals import selection, trunk
from objectcrop.proposals.cells import channel_sums, pixel_runs
from objectcrop.proposals.lod.ranking import hough, neighbours, ranking
from objectcrop.proposals.lod.regions import peaks, pooling, proposing, saliency, sweep
from objectcrop.proposals.quality import metrics
from tests.proposals.lod.vote_bins import vote_bins

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def golden(shared: Path):
    def load(name: str):
        return np.load(shared / "spec" / "lod_golden" / f"{name}.npz", allow_pickle=False)

    return load


def half_open(boxes) -> np.ndarray:
    converted = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    converted[:, :2] -= 1
    return converted


def size_of(height_width) -> Size:
    height, width = np.ravel(height_width)
    return Size(int(width), int(height))


def region_set(data, side: str, case: int) -> hough.RegionSet:
    boxes = half_open(data[f"box{side}_{case}"]).astype(np.int64)
    return hough.region_set(boxes, size_of(data[f"size{side}_{case}"]), data[f"feat{side}_{case}"])


@pytest.mark.parametrize("case", range(11))
def test_peaks_and_order_of_persistence(golden, case):
    data, key = golden("peaks"), f"{case:02d}"
    values = data[f"hm_{key}"]
    num_peaks, window, least = np.ravel(data[f"par_{key}"])
    lifetime = peaks.rank_persistence(values, reference=True)
    assert_array_equal(peaks.descending(lifetime.astype(float)) + 1, np.ravel(data[f"order_{key}"]))
    cells = peaks.find_peaks(values, min_value=least, max_peaks=int(num_peaks), window=int(window), reference=True)
    assert_array_equal(cells + 1, np.ravel(data[f"peaks_{key}"]))


def test_sound_neighbours_give_other_peaks_only_on_small_maps_with_a_live_border(golden):
    data = golden("peaks")
    differing = []
    for case in range(11):
        key = f"{case:02d}"
        num_peaks, window, least = np.ravel(data[f"par_{key}"])
        cells = peaks.find_peaks(data[f"hm_{key}"], min_value=least, max_peaks=int(num_peaks), window=int(window))
        if not np.array_equal(cells + 1, np.ravel(data[f"peaks_{key}"])):
            differing.append(case)
    assert differing == [6, 8]


@pytest.mark.parametrize("case", range(30))
def test_boxes_of_a_local_map_in_order_of_emission(golden, case):
    data, key = golden("heatmap_boxes"), f"{case:02d}"
    rooted = sweep.map_boxes(
        data[f"hm_{key}"].astype(np.float64),
        size_of(data[f"imgsize_{key}"]),
        np.ravel(data[f"qlist_{key}"]).astype(np.int64),
        top_level=float(data[f"init_level_{key}"].item()),
        connectivity=int(data[f"conn_{key}"].item()),
        reference=True,
    )
    expected = half_open(data[f"boxes_{key}"])
    assert rooted.boxes.shape == expected.shape
    # case 25 has a pixel exactly half-way between two cells, where MATLAB's floats decide
    assert (np.abs(rooted.boxes - expected).max(initial=0), case) in [(0, case), (1, 25)]
    assert_array_equal(rooted.roots + 1, np.ravel(data[f"roots_{key}"]))


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("layer", ["f43", "f53"])
def test_intermediate_maps_of_the_base_rule(golden, layer, index):
    data, full = golden("proposals_intermediate"), golden("proposals_full")
    key, features = f"{layer}_{index}", full[f"feat_{layer}_{index}"]
    summed, lengths = channel_sums(features)
    assert_allclose(summed, data[f"raw_{key}"], rtol=1e-6)
    for rule, suffix in (("base", ""), ("wide_margin", "_wide")):
        candidates = saliency.peak_map(summed, rule)
        assert_allclose(candidates.values, data[f"topo{suffix}_{key}"], rtol=1e-6)
        cells = peaks.find_peaks(candidates.values, min_value=candidates.min_value, reference=True)
        assert_array_equal(cells + 1, np.ravel(data[f"peaks{suffix}_{key}"]))
    mask = saliency.global_mask(summed)
    assert_array_equal(mask, data[f"gmask_{key}"] > 0)
    chosen = np.ravel(data[f"peaks_{key}"]).astype(np.int64) - 1
    local = saliency.local_maps(features, lengths, chosen, mask, reference=True)
    assert_allclose(local.transpose(1, 2, 0), data[f"local_masked_{key}"], atol=2e-6)
    for values, expected in zip(local, data[f"qlist_{key}"], strict=True):
        assert_array_equal(sweep.pixel_counts(values, 50), expected)


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("layer", ["f43", "f53"])
@pytest.mark.parametrize(("rule", "name"), [("base", "base"), ("wide_margin", "widemargin")])
def test_all_proposals_of_a_layer(golden, rule, name, layer, index):
    data = golden("proposals_full")
    size = size_of(data["image_sizes_hw"][index])
    rooted = proposing.layer_regions(data[f"feat_{layer}_{index}"], size, rule=rule, reference=True)
    assert_array_equal(rooted.boxes, half_open(data[f"{name}_{layer}_{index}_boxes"]))
    assert_array_equal(rooted.roots + 1, np.ravel(data[f"{name}_{layer}_{index}_roots"]))


@pytest.mark.parametrize("index", range(3))
def test_layers_are_merged_and_the_first_occurrence_wins(golden, index):
    full, data = golden("proposals_full"), golden("proposals_combine")
    layers = [
        sweep.RootedBoxes(
            half_open(full[f"base_{layer}_{index}_boxes"]).astype(np.int64),
            np.ravel(full[f"base_{layer}_{index}_roots"]).astype(np.int64),
        )
        for layer in ("f43", "f53")
    ]
    merged = proposing.merge_layers(*layers)
    assert_array_equal(merged.boxes, half_open(data[f"all_boxes_{index}"]))
    assert_array_equal(merged.roots, np.ravel(data[f"all_roots_{index}"]))
    assert_array_equal(np.array([43, 53])[merged.layers], np.ravel(data[f"all_code_{index}"]))


def test_normalisation_resizing_and_region_pooling(golden):
    data = golden("py_side")
    for name in ("image", "gray"):
        image = data[name] if data[name].ndim == 3 else np.repeat(data[name][..., None], 3, axis=2)
        assert_allclose(trunk.normalised(image)[0].numpy(), data[f"transform_{name}"], atol=1e-6)
    assert_array_equal(trunk.resized(data["image"], Size(224, 224)), data["resize224"])
    boxes = half_open(data["roi_boxes_1based"]).astype(np.int64)
    pooled = pooling.pool_regions(data["roi_feat"][0], boxes, stride_px=16)
    assert_array_equal(pooled, data["roi_out"].reshape(len(boxes), -1))


def test_region_features_are_scaled_by_the_greatest(golden):
    data = golden("deepfeat")
    columns = data["feat"].transpose(0, 1, 3, 2).reshape(4, -1)  # y runs fastest in the golden
    assert_array_equal(pooling.scale_to_one(columns), data["out_01"])


@pytest.mark.parametrize("case", range(4))
def test_hough_matching(golden, case):
    data = golden("phm_pairs")
    first, second = region_set(data, "A", case), region_set(data, "B", case)
    likeness = np.maximum(first.features @ second.features.T, 0)
    forward, backward = hough.match(first, second, likeness), hough.match(second, first, likeness.T)
    block = hough.confidence(first, second)
    kept = hough.greatest_entries(block, 100)
    sparse_block = np.zeros_like(block)
    sparse_block[kept.rows, kept.columns] = kept.values
    for scores, name in (
        (forward, "phm_AB"),
        (backward, "phm_BA"),
        (block, "conf"),
        (sparse_block, "conf_top100"),
    ):
        expected = data[f"{name}_{case}"]
        assert_allclose(scores, expected, atol=4e-7 * expected.max(), rtol=0)


@pytest.mark.parametrize("case", range(4))
def test_votes_fall_into_the_reference_bins(golden, case):
    data = golden("phm_pairs")
    first, second = region_set(data, "A", case), region_set(data, "B", case)
    votes = vote_bins(hough.cast_votes(first, second), hough.vote_grid(second.size))
    for axis, bins in (("x", votes.x), ("y", votes.y), ("s", votes.scale)):
        bin_of_pair = np.full((len(first.half_width), len(second.half_width)), -1)
        bin_of_pair[votes.first, votes.second] = bins
        assert_array_equal(bin_of_pair, data[f"ref_AB_{case}_bin_{axis}0"])


@pytest.fixture(scope="module")
def mini(golden):
    return golden("mini_pipeline")


@pytest.fixture(scope="module")
def mini_offsets(mini):
    return np.concatenate([[0], np.cumsum(np.ravel(mini["num_props"]).astype(np.int64))])


def summed_as_released(first: hough.RegionSet, second: hough.RegionSet) -> np.ndarray:
    """Dot products in single precision, rounded after each term in the reference's order (y before x).

    Which way a matrix product rounds is up to the processor, and W's tolerance is a few roundings wide.
    """
    total = np.zeros((len(first.features), len(second.features)), dtype=np.float32)
    columns = [one.features.reshape(len(one.features), -1, 7, 7).swapaxes(2, 3) for one in (first, second)]
    terms = [one.reshape(len(one), -1).astype(np.float64) for one in columns]
    for left, right in zip(terms[0].T, terms[1].T, strict=True):
        total = (total + np.outer(left, right)).astype(np.float32)
    return np.maximum(total, 0)


def test_mini_pipeline_neighbours_and_scores(mini, mini_offsets):
    nearest = neighbours.find_neighbours(mini["img_feat"], 3)
    assert_array_equal(nearest.indices + 1, mini["neighbors"])
    pairs = neighbours.pairs_to_score(nearest.indices)
    assert_array_equal(np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0) + 1, mini["pairs"])
    sets = [
        hough.region_set(
            half_open(mini[f"boxes_{image}"]).astype(np.int64),
            size_of(mini[f"size_{image}"]),
            pooling.scale_to_one(mini[f"roi_feat_{image}"].reshape(len(mini[f"boxes_{image}"]), -1)),
        )
        for image in range(14)
    ]
    likeness = [summed_as_released(sets[i], sets[j]) for i, j in pairs]
    for ours, (i, j) in zip(likeness, pairs, strict=True):
        assert_allclose(hough.appearance(sets[i], sets[j]), ours, rtol=2e-6)
    kept = [
        hough.greatest_entries(hough.symmetric_scores(sets[i], sets[j], ours), 60)
        for ours, (i, j) in zip(likeness, pairs, strict=True)
    ]
    weights = ranking.symmetric_matrix(
        np.concatenate([entries.rows + mini_offsets[i] for entries, (i, _) in zip(kept, pairs, strict=True)]),
        np.concatenate([entries.columns + mini_offsets[j] for entries, (_, j) in zip(kept, pairs, strict=True)]),
        np.concatenate([entries.values for entries in kept]),
        int(mini_offsets[-1]),
    )
    # The recorded values come from products in single precision: exact arithmetic is 5.6e-7 of the maximum from them, and
    # single precision between 3.5e-7 and 7.9e-7, depending on the order in which the machine's BLAS adds.
    assert_allclose(weights.toarray(), mini["W"], atol=1e-6 * mini["W"].max(), rtol=0)
    assert_array_equal(weights.toarray() > 0, mini["W"] > 0)
    assert_allclose(ranking.degrees(weights), np.ravel(mini["norm_factor"]), rtol=3e-6)
    final = ranking.rank_regions(weights, mini_offsets).final
    assert_allclose(final.scores, np.ravel(mini["v_QP"]), atol=1e-7)


def test_mini_pipeline_rankings(mini, mini_offsets):
    weights = sparse.csr_array(mini["W"])
    everything = np.ones(weights.shape[0])
    lod = ranking.rank_regions(weights, mini_offsets)
    other = ranking.rank_regions(weights, mini_offsets, restart_weight=0.1, image_share=0.5, regions_per_image=2)
    scores_of = {
        "v_Q": ranking.rank_by_quadratic(weights).scores,
        "v_Q_standalone": ranking.rank_by_quadratic(weights, start=everything).scores,
        "v_P": ranking.rank_by_pagerank(weights).scores,
        "v_QP": lod.final.scores,
        "v_QP_alt": other.final.scores,
    }
    for name, scores in scores_of.items():
        assert_allclose(scores, np.ravel(mini[name]), atol=1e-12, err_msg=name)
    assert (lod.final.iterations, other.final.iterations) == (100, 54)


def mini_selection(mini, offsets, rule: str) -> list[np.ndarray]:
    chosen = []
    for image in range(14):
        scores = np.ravel(mini["v_QP"])[offsets[image] : offsets[image + 1]]
        boxes = half_open(mini[f"boxes_{image}"])
        if rule == "group":
            groups = (np.ravel(mini[f"code_{image}"]) * 10**6 + np.ravel(mini[f"root_{image}"])).astype(np.int64)
            chosen.append(selection.select_by_group(boxes, scores, groups, max_boxes=5))
        else:
            chosen.append(selection.select_by_overlap(boxes, scores, max_boxes=5))
    return chosen


@pytest.mark.parametrize("rule", ["group", "nogroup"])
def test_mini_pipeline_selection_and_its_metrics(mini, mini_offsets, rule):
    chosen = mini_selection(mini, mini_offsets, rule)
    images = []
    for image, indices in enumerate(chosen):
        assert_array_equal(indices + 1, np.ravel(mini[f"x_{rule}_{image}"]))
        images.append(metrics.Image(half_open(mini[f"boxes_{image}"])[indices], half_open(mini[f"gt_{image}"])))
    average_precisions = [metrics.object_discovery_ap(images, threshold) for threshold in metrics.THRESHOLDS]
    assert_allclose(average_precisions, np.ravel(mini[f"ap_{rule}"]), atol=1e-12)
    if rule == "group":
        assert metrics.corloc(images) == mini["corloc_top1"].item()
        overall = (
            metrics.corloc(images, max_boxes=None),
            metrics.detection_rate(images),
            metrics.mean_best_overlap(images),
        )
        assert_allclose(overall, np.ravel(mini["allx_all_metrics"]))


@pytest.mark.parametrize("case", range(6))
def test_suppression(golden, case):
    data = golden("nms")
    boxes, scores = half_open(data[f"boxes_{case}"]), np.ravel(data[f"scores_{case}"])
    groups = np.ravel(data[f"group_{case}"]).astype(np.int64)
    for count, overlap, name in ((5, 0.3, "k5_t03"), (50, 0.5, "k50_t05")):
        kept = selection.select_by_group(boxes, scores, groups, max_boxes=count, max_overlap=overlap)
        assert_array_equal(kept + 1, np.ravel(data[f"group_nms_{name}_{case}"]))
    for count, overlap, name in ((5, 0.3, "k5_t03"), (50, 0.7, "k50_t07"), (50, 1.0, "k50_t1")):
        kept = selection.select_by_overlap(boxes, scores, max_boxes=count, max_overlap=overlap)
        assert_array_equal(kept + 1, np.ravel(data[f"nms_{name}_{case}"]))


def test_overlap_of_exactly_the_threshold_passes_the_group_rule_alone(golden):
    data = golden("nms")
    boxes, scores = half_open(data["edge_boxes"]), np.ravel(data["edge_scores"])
    by_group = selection.select_by_group(boxes, scores, np.arange(3), max_boxes=5, max_overlap=0.5)
    assert_array_equal(by_group + 1, np.ravel(data["edge_group_nms_t05"]))
    by_overlap = selection.select_by_overlap(boxes, scores, max_boxes=5, max_overlap=0.5)
    assert_array_equal(by_overlap + 1, np.ravel(data["edge_nms_t05"]))


def test_discovery_metrics(golden):
    data = golden("metrics")
    images = []
    for image in range(9):
        chosen = np.ravel(data[f"x_{image}"]).astype(np.int64) - 1
        images.append(metrics.Image(half_open(data[f"boxes_{image}"])[chosen], half_open(data[f"gt_{image}"])))
    curves = [metrics.curve(images, threshold) for threshold in metrics.THRESHOLDS]
    assert_allclose([curve.average_precision for curve in curves], np.ravel(data["ap"]), atol=1e-12)
    assert_allclose(np.stack([curve.precision for curve in curves]), data["pr"], atol=1e-12)
    assert_allclose(np.stack([curve.recall for curve in curves]), data["rc"], atol=1e-12)
    values = (
        metrics.corloc(images, max_boxes=None),
        metrics.detection_rate(images),
        metrics.mean_best_overlap(images),
        metrics.mean_object_discovery_ap(images),
    )
    expected = [data[name].item() for name in ("corloc_any", "detrate", "mabo", "ap5095")]
    assert_allclose(values, expected, atol=1e-12)


def test_nearest_enlargement_follows_the_integer_rule(golden):
    data = golden("nearest_resize_TRANSCRIBED")
    checked = 0
    for name in data:
        if name.endswith("_exact"):
            cells, pixels = (int(part.lstrip("inout")) for part in name.split("_")[:2])
            first, last = pixel_runs(cells, pixels)
            cell_of_pixel = np.repeat(np.arange(cells), last - first)
            assert_array_equal(cell_of_pixel, np.ravel(data[name]) - np.ravel(data[name]).min(), err_msg=name)
            checked += 1
    assert checked > 50
