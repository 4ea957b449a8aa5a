import numpy as np
import pytest
from numpy.testing import assert_array_equal

from objectcrop.boxes import Size
from objectcrop.lod.hough import Entries
from objectcrop.lod.regions import ImageRegions, Regions
from objectcrop.lod.shards import (
    join_features,
    join_scores,
    read_arrays,
    starts,
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


def entries(value: float) -> Entries:
    return Entries(np.array([0], np.uint16), np.array([1], np.uint16), np.array([value], np.float32))


def test_scores_of_all_shards_are_sorted_by_pair_and_numbered_globally(tmp_path):
    offsets = starts(np.array([2, 2, 2]))
    write_scores(tmp_path / "0.npz", np.array([[0, 1], [1, 2]]), [entries(1), entries(3)])
    write_scores(tmp_path / "1.npz", np.array([[0, 2]]), [entries(2)])
    for order in ("01", "10"):
        found = join_scores([tmp_path / f"{shard}.npz" for shard in order], offsets)
        assert_array_equal(found.rows, [0, 0, 2])
        assert_array_equal(found.columns, [3, 5, 5])
        assert_array_equal(found.values, [1, 2, 3])


def test_a_shard_without_pairs_is_no_harm(tmp_path):
    write_scores(tmp_path / "0.npz", np.zeros((0, 2), np.int32), [])
    assert len(join_scores([tmp_path / "0.npz"], starts(np.array([1]))).values) == 0


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"x\.npz"):
        read_arrays(tmp_path / "x.npz", "boxes")
    write_arrays(tmp_path / "y.npz", other=np.zeros(1))
    with pytest.raises(ValueError, match="boxes"):
        read_arrays(tmp_path / "y.npz", "boxes")
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "none.npz", "boxes")
