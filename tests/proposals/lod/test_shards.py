from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from objectcrop.proposals.lod.ranking.hough import Entries
from objectcrop.proposals.lod.ranking.score_shards import read_scores, write_scores
from objectcrop.proposals.lod.shards import part_of, read_arrays, stored_array, write_arrays


def test_rows_are_read_where_they_lie(tmp_path):
    values = np.arange(12, dtype=np.float16).reshape(3, 4)
    write_arrays(tmp_path / "x.npz", first=np.arange(5), values=values, none=np.zeros((0, 4)))
    stored = stored_array(tmp_path / "x.npz", "values")
    assert len(stored) == 3
    assert_array_equal(stored.read(0, 3), values)
    assert_array_equal(stored.read(1, 2), values[1:2])
    assert stored.read(2, 2).shape == (0, 4)
    assert stored_array(tmp_path / "x.npz", "first").read(3, 5).tolist() == [3, 4]
    assert stored_array(tmp_path / "x.npz", "none").read(0, 0).shape == (0, 4)


def test_a_file_that_ends_too_early_is_named(tmp_path):
    write_arrays(tmp_path / "x.npz", values=np.arange(5))
    stored = stored_array(tmp_path / "x.npz", "values")
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[: stored.start + 24])
    assert stored.read(0, 3).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"x\.npz: ends too early"):
        stored.read(1, 4)


def test_a_compressed_or_damaged_file_cannot_be_read_where_it_lies(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", values=np.zeros(3))
    with pytest.raises(ValueError, match=r"x\.npz.*compressed"):
        stored_array(tmp_path / "x.npz", "values")
    (tmp_path / "y.npz").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"y\.npz"):
        stored_array(tmp_path / "y.npz", "values")
    write_arrays(tmp_path / "z.npz", one=np.array(3.0))
    with pytest.raises(ValueError, match="single number"):
        stored_array(tmp_path / "z.npz", "one")


@given(st.integers(0, 100), st.integers(1, 12))
def test_parts_are_those_of_numpy(count, num_parts):
    parts = [list(range(*part_of(count, num_parts, part))) for part in range(num_parts)]
    assert parts == [part.tolist() for part in np.array_split(np.arange(count), num_parts)]


def entries(value: float) -> Entries:
    return Entries(np.array([0], np.uint16), np.array([1], np.uint16), np.array([value], np.float32))


def test_scores_come_back_as_they_were_written(tmp_path):
    write_scores(tmp_path / "0.npz", np.array([[0, 1], [1, 2]]), [entries(1e6), entries(3)])
    scores = read_scores(tmp_path / "0.npz")
    assert scores.pairs.tolist() == [[0, 1], [1, 2]]
    assert_array_equal(scores.counts, [1, 1])
    assert_array_equal(scores.columns, [1, 1])
    assert_array_equal(scores.values, np.array([1e6, 3], np.float32))


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
        scores = read_scores(path)
    error = np.abs(scores.values[:50].astype(np.float64) - values)
    assert (error <= values * 2.0**-11).all()
    assert scores.values[50] == 1


def test_halved_scores_far_below_the_greatest_are_off_by_little_of_that(tmp_path):
    values = np.array([3e6, 3e6 * 2.0**-33], np.float32)
    block = Entries(np.zeros(2, np.uint16), np.arange(2, dtype=np.uint16), values)
    write_scores(tmp_path / "0.npz", np.array([[0, 1]]), [block], halved=True)
    scores = read_scores(tmp_path / "0.npz").values
    assert 0 < abs(scores[1] - values[1]) <= 3e6 * 2.0**-39


@pytest.mark.parametrize("halved", [False, True])
def test_a_shard_without_pairs_is_no_harm(tmp_path, halved):
    write_scores(tmp_path / "0.npz", np.zeros((0, 2), np.int32), [], halved=halved)
    scores = read_scores(tmp_path / "0.npz")
    assert scores.pairs.shape == (0, 2)
    assert len(scores.values) == 0


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"x\.npz"):
        read_arrays(tmp_path / "x.npz", "boxes")
    write_arrays(tmp_path / "y.npz", other=np.zeros(1))
    with pytest.raises(ValueError, match="boxes"):
        read_arrays(tmp_path / "y.npz", "boxes")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz", "boxes")
