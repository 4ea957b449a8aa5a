from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from objectcrop.boxes import Size
from objectcrop.lod.hough import Entries
from objectcrop.lod.regions import ImageRegions, Regions
from objectcrop.lod.shards import (
    join_features,
    map_array,
    read_arrays,
    read_scores,
    write_arrays,
    write_features,
    write_scores,
)


def image(number: int) -> ImageRegions:
    count = number % 3
    boxes = np.full((count, 4), number)
    regions = Regions(boxes, np.arange(count), np.zeros(count, dtype=np.int64))
    return ImageRegions(
        Size(10 + number, 5), np.full(2, number, np.float32), regions, np.full((count, 3), 0.1, np.float32)
    )


@pytest.mark.parametrize("num_shards", [1, 2, 3, 7])
def test_shards_join_in_the_order_of_the_manifest(tmp_path, num_shards):
    ids = [f"i{number}" for number in range(5)]
    paths = [tmp_path / f"{shard}.npz" for shard in range(num_shards)]
    for shard, path in enumerate(paths):
        own = range(5)[shard::num_shards]
        write_features(path, [ids[n] for n in own], [image(n) for n in own], exact=True)
    joined = join_features(paths, "sizes", "boxes", "descriptors", "features")
    assert joined.image_ids == ids
    assert joined.sizes() == [Size(10 + n, 5) for n in range(5)]
    assert [part.tolist() for part in joined.by_name["boxes"]] == [[[n] * 4] * (n % 3) for n in range(5)]
    assert [part.tolist() for part in joined.by_name["descriptors"]] == [[n, n] for n in range(5)]


def test_shards_in_the_wrong_order_are_refused(tmp_path):
    write_features(tmp_path / "0.npz", ["a", "c"], [image(1), image(2)], exact=True)
    write_features(tmp_path / "1.npz", ["b"], [image(1)], exact=True)
    with pytest.raises(ValueError, match="wrong order"):
        join_features([tmp_path / "1.npz", tmp_path / "0.npz"], "boxes")


@pytest.mark.parametrize(("exact", "number"), [(True, np.float32), (False, np.float16)])
def test_projected_features_take_half_the_room(tmp_path, exact, number):
    write_features(tmp_path / "0.npz", ["a"], [image(2)], exact=exact)
    assert read_arrays(tmp_path / "0.npz", "features")[0].dtype == number


def test_an_array_is_read_where_it_lies(tmp_path):
    values = np.arange(12, dtype=np.float16).reshape(3, 4)
    write_arrays(tmp_path / "x.npz", first=np.arange(5), values=values, none=np.zeros((0, 4)), one=np.array(3.0))
    found = map_array(tmp_path / "x.npz", "values")
    assert isinstance(found, np.memmap)
    assert_array_equal(found, values)
    assert_array_equal(map_array(tmp_path / "x.npz", "first"), np.arange(5))
    assert map_array(tmp_path / "x.npz", "none").shape == (0, 4)
    assert map_array(tmp_path / "x.npz", "one") == 3.0


def test_a_compressed_or_damaged_file_cannot_be_read_where_it_lies(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", values=np.zeros(3))
    with pytest.raises(ValueError, match=r"x\.npz.*compressed"):
        map_array(tmp_path / "x.npz", "values")
    (tmp_path / "y.npz").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"y\.npz"):
        map_array(tmp_path / "y.npz", "values")


def entries(value: float) -> Entries:
    return Entries(np.array([0], np.uint16), np.array([1], np.uint16), np.array([value], np.float32))


def test_scores_come_back_as_they_were_written(tmp_path):
    write_scores(tmp_path / "0.npz", np.array([[0, 1], [1, 2]]), [entries(1e6), entries(3)])
    found = read_scores(tmp_path / "0.npz")
    assert found.pairs.tolist() == [[0, 1], [1, 2]]
    assert_array_equal(found.counts, [1, 1])
    assert_array_equal(found.columns, [1, 1])
    assert_array_equal(found.values, np.array([1e6, 3], np.float32))


@given(st.integers(0, 1000), st.integers(-60, 60))
def test_halved_scores_are_off_by_a_2048th_of_themselves(seed, exponent):
    rng = np.random.default_rng(seed)
    # ratios of up to 2^29 within a pair, pairs of any scale
    values = np.exp2(exponent + rng.uniform(-28, 0, 50)).astype(np.float32)
    values[0] = np.exp2(exponent) * (2 - 2**-20)
    block = Entries(np.arange(50, dtype=np.uint16), np.arange(50, dtype=np.uint16), values)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "0.npz"
        write_scores(path, np.array([[0, 1], [0, 2]]), [block, entries(1)], halved=True)
        assert read_arrays(path, "values")[0].dtype == np.float16
        found = read_scores(path)
    error = np.abs(found.values[:50].astype(np.float64) - values)
    assert (error <= values * 2.0**-11).all()
    assert found.values[50] == 1


def test_halved_scores_far_below_the_greatest_are_off_by_little_of_that(tmp_path):
    values = np.array([3e6, 3e6 * 2.0**-33], np.float32)
    block = Entries(np.zeros(2, np.uint16), np.arange(2, dtype=np.uint16), values)
    write_scores(tmp_path / "0.npz", np.array([[0, 1]]), [block], halved=True)
    found = read_scores(tmp_path / "0.npz").values
    assert 0 < abs(found[1] - values[1]) <= 3e6 * 2.0**-39


@pytest.mark.parametrize("halved", [False, True])
def test_a_shard_without_pairs_is_no_harm(tmp_path, halved):
    write_scores(tmp_path / "0.npz", np.zeros((0, 2), np.int32), [], halved=halved)
    found = read_scores(tmp_path / "0.npz")
    assert found.pairs.shape == (0, 2)
    assert len(found.values) == 0


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"x\.npz"):
        read_arrays(tmp_path / "x.npz", "boxes")
    write_arrays(tmp_path / "y.npz", other=np.zeros(1))
    with pytest.raises(ValueError, match="boxes"):
        read_arrays(tmp_path / "y.npz", "boxes")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz", "boxes")
