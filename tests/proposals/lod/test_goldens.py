"""Our matching, ranking, selection and metrics give what the authors' released code gave."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from objectcrop.proposals import selection
from objectcrop.proposals.lod.ranking import hough, neighbours, ranking
from objectcrop.proposals.lod.regions import pooling
from objectcrop.proposals.quality import metrics
from tests.proposals.lod.conftest import half_open, size_of
from tests.proposals.lod.vote_bins import vote_bins

pytestmark = pytest.mark.shared_data


def region_set(data, side: str, case: int) -> hough.RegionSet:
    boxes = half_open(data[f"box{side}_{case}"]).astype(np.int64)
    return hough.region_set(boxes, size_of(data[f"size{side}_{case}"]), data[f"feat{side}_{case}"])


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
