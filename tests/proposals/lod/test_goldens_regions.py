"""Our stages from a feature map to region features give what the authors' released code gave."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from objectcrop.boxes import Size
from objectcrop.proposals import trunk
from objectcrop.proposals.cells import channel_sums, pixel_runs
from objectcrop.proposals.lod.regions import peaks, pooling, proposing, saliency, sweep
from tests.proposals.lod.conftest import half_open, size_of

pytestmark = pytest.mark.shared_data


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
    maps = saliency.local_maps(features, lengths, chosen, mask, reference=True)
    local = saliency.without_frame(maps, len(mask))
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
