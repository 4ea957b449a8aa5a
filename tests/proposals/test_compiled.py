import os
import subprocess
import sys

import numpy as np
import pytest
from numba.core.caching import CacheImpl

from objectcrop.boxes import Size
from objectcrop.proposals.lod.ranking.hough import confidence, match, region_set
from objectcrop.proposals.lod.regions.pooling import pool_regions
from objectcrop.proposals.lod.regions.proposing import layer_regions
from objectcrop.proposals.loops import alike as alike_loops
from objectcrop.proposals.loops import hough as hough_loops
from objectcrop.proposals.loops import neighbours as neighbour_loops
from objectcrop.proposals.loops import peaks as peaks_loops
from objectcrop.proposals.loops import pooling as pooling_loops
from objectcrop.proposals.loops import rows as row_loops
from objectcrop.proposals.loops import saliency as saliency_loops
from objectcrop.proposals.loops import sweep as sweep_loops
from objectcrop.proposals.loops.compiled import compiled

MODULES = (
    alike_loops,
    hough_loops,
    neighbour_loops,
    peaks_loops,
    pooling_loops,
    row_loops,
    saliency_loops,
    sweep_loops,
)
SMALL_CASE = "from tests.proposals.test_compiled import small_case; print(small_case())"


def regions(seed: int, count: int, size: Size):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 40, size=(count, 2))
    boxes = np.concatenate([low, low + rng.integers(4, 30, size=(count, 2))], axis=1)
    return region_set(boxes, size, rng.random((count, 3), dtype=np.float32))


def small_case() -> str:
    """Return the bits that the loops compute for a small drawn case."""
    scores = confidence(regions(0, 9, Size(80, 75)), regions(1, 6, Size(90, 80)))
    features = np.random.default_rng(2).gamma(0.5, size=(3, 9, 11)).astype(np.float32)
    regions_of_layer = layer_regions(features, Size(90, 75), rule="wide_margin", max_peaks=4, num_levels=6)
    assert scores.any()
    assert len(regions_of_layer.boxes) > 5
    pooled = pool_regions(features, regions_of_layer.boxes, stride_px=8, grid=3)
    products = np.zeros(3)
    matrix = np.array([0, 2, 2, 6]), np.array([1, 3, 0, 1, 2, 3], np.int32), features[0, 0, :6].copy()
    for part in matrix:
        part.flags.writeable = False  # as what is read from the files of rows
    row_loops.multiply_rows(*matrix, scores[0].astype(float), products)
    assert products.any()
    sums = alike_loops.sums_of_alike((features[0, :6, :6] > 0.5).view(np.uint8), scores[0].astype(float))
    assert sums.any()
    results = (scores, regions_of_layer.boxes, regions_of_layer.roots, pooled, products, sums)
    return " ".join(part.tobytes().hex() for part in results)


def test_loops_give_the_same_bits_when_they_are_not_compiled(root):
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", SMALL_CASE], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == small_case()


def test_loops_are_compiled_once_whatever_the_layout_of_their_arrays():
    first, second = regions(0, 9, Size(80, 75)), regions(1, 6, Size(90, 80))
    likeness = np.random.default_rng(0).random((9, 6))
    spread = first._replace(half_width=np.repeat(first.half_width, 2)[::2])
    small_case()
    expected = match(first, second, likeness)
    for case in (likeness.astype(np.float32), np.asfortranarray(likeness), np.repeat(likeness, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(match(spread, second, case), expected)
    layouts = {
        name: len(loop.signatures)
        for module in MODULES
        for name, loop in vars(module).items()
        if hasattr(loop, "py_func") and loop.py_func.__module__ == module.__name__ and not name.startswith("_")
    }
    assert len(layouts) == 19
    assert max(layouts.values()) == 1, layouts  # 0: part of another that was read from the disk


def test_loops_use_nothing_of_other_files(root):
    """The kept machine code of a loop is renewed with its own file alone."""
    for module in MODULES:
        text = (root / (module.__name__.replace(".", "/") + ".py")).read_text()
        assert [line for line in text.splitlines() if "objectcrop" in line and "import" in line] == [
            "from objectcrop.proposals.loops.compiled import compiled"
        ]


def double(value: float) -> float:
    return 2 * value


def test_where_no_folder_can_be_written_loops_are_compiled_anew_with_a_warning(monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with pytest.warns(UserWarning, match="compiled again in every process.*NUMBA_CACHE_DIR"):
        loop = compiled(double)
    assert loop(1.5) == 3.0
