import numpy as np
import pytest
from numpy.testing import assert_array_equal

from objectcrop.boxes import Size
from objectcrop.proposals.lod.blocks import block_checksums
from objectcrop.proposals.lod.regions.feature_shards import REGION_ARRAYS, Descriptors, FeatureShards, writing_features
from objectcrop.proposals.lod.regions.image_regions import ImageRegions, Regions
from objectcrop.proposals.lod.shards import read_arrays

IDS = [f"i{number}" for number in range(5)]


def image(number: int) -> ImageRegions:
    """Of none to two regions."""
    count = number % 3
    regions = Regions(np.full((count, 4), number), np.arange(count), np.zeros(count, dtype=np.int64))
    features = np.full((count, 3), number + 0.1, np.float32)
    return ImageRegions(Size(10 + number, 5), np.full(2, number, np.float32), regions, features)


def write(folder, num_shards, *, exact=True):
    paths = [folder / f"{shard}-of-{num_shards}.npz" for shard in range(num_shards)]
    for shard, path in enumerate(paths):
        with writing_features(path, exact=exact) as writer:
            for number in range(5)[shard::num_shards]:
                writer.add(IDS[number], image(number))
    return paths


@pytest.mark.parametrize("num_shards", [1, 2, 3, 7])
def test_images_come_in_the_order_of_the_manifest_whatever_the_number_of_shards(tmp_path, num_shards):
    shards = FeatureShards(write(tmp_path, num_shards))
    assert shards.image_ids == IDS
    assert len(shards) == 5
    assert_array_equal(shards.counts, [0, 1, 2, 0, 1])
    assert_array_equal(shards.offsets, [0, 0, 1, 3, 3, 4])
    assert [shards.regions("boxes", n).tolist() for n in range(5)] == [[[n] * 4] * (n % 3) for n in range(5)]
    for n in range(5):
        assert_array_equal(shards.regions("features", n), image(n).features)
    for first in range(5):
        for last in range(first, 6):
            expected = [[10 + n, 5] for n in range(first, min(last, 5))]
            assert shards.images("sizes", first, min(last, 5)).tolist() == expected
            assert Descriptors(shards)[first:last].tolist() == [[n, n] for n in range(first, min(last, 5))]


def test_the_file_is_what_numpy_would_write(tmp_path):
    (path,) = write(tmp_path, 1)
    every = [image(number) for number in range(5)]
    arrays = {
        "image_ids": np.array(IDS),
        "sizes": np.array([one.size for one in every], np.int32),
        "counts": np.array([0, 1, 2, 0, 1]),
        "descriptors": np.stack([one.descriptor for one in every]),
        "boxes": np.concatenate([one.regions.boxes for one in every]).astype(np.int32),
        "roots": np.concatenate([one.regions.roots for one in every]).astype(np.int32),
        "layers": np.concatenate([one.regions.layers for one in every]).astype(np.int8),
        "features": np.concatenate([one.features for one in every]),
        "precision": np.array(["float32"]),
    }
    of_regions = {name: arrays[name] for name in REGION_ARRAYS}
    arrays["checksums"] = block_checksums(of_regions, np.array([0, 0, 1, 3, 3, 4]))
    np.savez(tmp_path / "whole.npz", **arrays)
    assert path.read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_the_precision_of_every_shard_is_on_record(tmp_path):
    paths = [tmp_path / f"{precision}.npz" for precision in ("float32", "bfloat16")]
    for path in paths:
        with writing_features(path, exact=True, precision=path.stem):
            pass
    assert FeatureShards(paths[:1]).precision == "float32"
    assert FeatureShards(paths).precision == "bfloat16+float32"


def test_shards_in_the_wrong_order_are_refused(tmp_path):
    first, second = write(tmp_path, 2)
    with pytest.raises(ValueError, match="wrong order"):
        FeatureShards([second, first])


@pytest.mark.parametrize(("exact", "number"), [(True, np.float32), (False, np.float16)])
def test_projected_features_take_half_the_room(tmp_path, exact, number):
    (path,) = write(tmp_path, 1, exact=exact)
    assert read_arrays(path, "features")[0].dtype == number


def test_a_shard_that_is_not_finished_leaves_nothing(tmp_path):
    def stop_in_the_middle():
        with writing_features(tmp_path / "0.npz", exact=True) as writer:
            writer.add("a", image(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    assert list(tmp_path.iterdir()) == []
