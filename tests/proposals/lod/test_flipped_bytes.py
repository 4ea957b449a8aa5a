"""Flipped bytes in any file between LOD's stages: equal content, or one sentence that names the file and its rule."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from objectcrop.boxes import Size
from objectcrop.proposals.lod.ranking import row_parts
from objectcrop.proposals.lod.ranking.from_files import RankedRegions, ScoreFiles, rank_from_files, write_ranking
from objectcrop.proposals.lod.ranking.journal import open_folder
from objectcrop.proposals.lod.ranking.part_files import array_path
from objectcrop.proposals.lod.ranking.ranking import LodRanking, Ranking
from objectcrop.proposals.lod.ranking.row_parts import RowParts, write_parts
from objectcrop.proposals.lod.ranking.score_shards import read_scores
from objectcrop.proposals.lod.regions.feature_shards import Descriptors, FeatureShards, writing_features
from objectcrop.proposals.lod.regions.image_regions import ImageRegions, Regions
from objectcrop.proposals.lod.shards import read_arrays, stored_array, write_arrays
from objectcrop.runtime.distributed import World
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.proposals import LodProposals
from tests.flips import KINDS, flipped, outcomes
from tests.proposals.lod.score_shards import OFFSETS, write_shards

ALONE = World(0, 1, torch.device("cpu"))
LOD = LodProposals(kind="lod", features_run="r", max_iterations=6, seed_image_share=0.3)
FEW_BYTES = 4 << 20
"""Of memory: the files of these tests have less, and no flipped length may ask for more."""


def feature_shard(folder):
    """Six images of up to five regions."""
    rng = np.random.default_rng(0)
    path = folder / "shard-0.npz"
    with writing_features(path, exact=False) as writer:
        for number in range(6):
            regions = Regions(rng.integers(0, 99, (number, 4)), rng.integers(0, 9, number), rng.integers(0, 2, number))
            descriptor, features = rng.random(32, np.float32), rng.random((number, 40), np.float32)
            writer.add(f"image-{number}", ImageRegions(Size(99, 50 + number), descriptor, regions, features))
    return path


def all_of_shard(path):
    shards = FeatureShards([path])
    regions = [
        [shards.regions(name, i) for name in ("boxes", "roots", "layers", "features")] for i in range(len(shards))
    ]
    whole = shards.images("sizes", 0, len(shards)), Descriptors(shards)[0 : len(shards)]
    return shards.image_ids, shards.counts, shards.precision, regions, whole


def neighbours(folder):
    path, rng = folder / "neighbours.npz", np.random.default_rng(1)
    arrays = {"neighbours": rng.integers(0, 40, (40, 5), np.int32), "pairs": rng.integers(0, 40, (150, 2), np.int32)}
    write_arrays(path, image_ids=np.array([f"i{n}" for n in range(40)]), similarities=rng.random((40, 5)), **arrays)
    return path


def pairs_and_neighbours(path):
    pairs = stored_array(path, "pairs", rule="find_neighbours")
    arrays = read_arrays(path, "image_ids", "neighbours", "similarities", rule="find_neighbours")
    return pairs.read(3, 20), pairs.read(20, len(pairs)), *arrays


def scores(folder):
    return write_shards(folder, 0, 1)[0]


def ranking(folder):
    path, rng = folder / "ranking.npz", np.random.default_rng(2)
    one, other = (Ranking(rng.random(OFFSETS[-1]), 12, 0.5) for _ in range(2))
    write_ranking(path, RankedRegions(LodRanking(one, other), rng.random(OFFSETS[-1])), list("abcdefghi"), OFFSETS)
    return path


def all_of_ranking(path):
    stored = [stored_array(path, name, rule="rank_regions") for name in ("scores", "degrees")]
    names = ("image_ids", "offsets", "scores", "quadratic_scores", "degrees", "iterations", "last_changes")
    return [array.read(2, 9) for array in stored], read_arrays(path, *names, rule="rank_regions")


FILES = {
    "extract_features": (feature_shard, all_of_shard),
    "find_neighbours": (neighbours, pairs_and_neighbours),
    "score_pairs": (scores, read_scores),
    "rank_regions": (ranking, all_of_ranking),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", FILES)
def test_flipped_bytes_are_noticed_and_the_file_and_its_rule_named(tmp_path, rule, kind):
    write, read = FILES[rule]
    path = write(tmp_path)
    result = outcomes(path, lambda: read(path), kind)
    assert not result.others
    assert result.equal + result.rejected == 60
    assert result.rejected >= 20  # dates and the like are in no array
    assert all(f"rule {rule} makes it" in message for message in result.messages if message)
    assert result.peak_bytes < FEW_BYTES


def test_flips_in_the_values_of_regions_name_the_array(tmp_path):
    path = feature_shard(tmp_path)
    data = bytearray(path.read_bytes())
    for name in ("boxes", "roots", "layers", "features"):
        start = data.index(f"{name}.npy".encode())
        place = data.index(b"\n", start) + 5  # the header ends with the line
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        with pytest.raises(ValueError, match=rf"shard-0\.npz: damaged \(the checksum of {name} in block"):
            all_of_shard(path)


def test_a_flipped_type_of_regions_is_noticed_though_their_bytes_are_whole(tmp_path):
    path = feature_shard(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"'descr': '<f2'", b"'descr': '<i2'"))
    with pytest.raises(ValueError, match="the checksum of features is wrong"):
        all_of_shard(path)


def test_a_shard_of_a_version_without_checksums_is_rejected(tmp_path):
    path = feature_shard(tmp_path)
    with np.load(path) as archive:
        old = {name: archive[name] for name in archive.files if name != "checksums"}
    np.savez(path, **old)
    with pytest.raises(
        ValueError, match=r"it has no checksums, as one of another version.*rule extract_features makes it"
    ):
        FeatureShards([path])


def test_a_header_that_states_a_huge_array_makes_no_room_for_it(tmp_path):
    path = tmp_path / "x.npz"
    write_arrays(path, values=np.arange(10))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"'shape': (10,), }      ", b"'shape': (9999999,), } "))
    assert path.read_bytes() != whole
    for read in (read_arrays, stored_array):
        with pytest.raises(ValueError, match=r"x\.npz: .*the checksum of values is wrong"):
            read(path, "values")


def test_a_member_that_states_a_huge_length_makes_no_room_for_it(tmp_path):
    path = tmp_path / "x.npz"
    write_arrays(path, values=np.arange(10))
    data = bytearray(path.read_bytes())
    lengths = data.index(b"PK\x01\x02") + 20  # in the directory: as compressed, and as it is
    data[lengths : lengths + 8] = (2**31 - 1).to_bytes(4, "little") * 2
    path.write_bytes(data)
    for read in (read_arrays, stored_array):
        with pytest.raises(ValueError, match=r"x\.npz: .*values would end after the file"):
            read(path, "values")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["columns", "values", "starts", "record"])
def test_a_damaged_part_of_w_is_made_again(tmp_path, capsys, name, kind):
    shards, folder = write_shards(tmp_path, 5, 3), tmp_path / "rows"
    write_parts(shards, OFFSETS, folder, ALONE, images_per_part=2)
    expected = RowParts(folder, OFFSETS, ALONE, images_per_part=2).degrees
    path = folder / "parts" / "1.json" if name == "record" else array_path(folder / "parts" / "1", name)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(4):
        path.write_bytes(flipped(whole, rng, kind))
        with pytest.raises(ValueError, match=r"parts/1\..*(damaged|not valid JSON).*; remove "):
            RowParts(folder, OFFSETS, ALONE, images_per_part=2)
        write_parts(shards, OFFSETS, folder, ALONE, images_per_part=2)
        assert "the part is made again, as" in capsys.readouterr().out
        assert path.read_bytes() == whole
        assert_array_equal(RowParts(folder, OFFSETS, ALONE, images_per_part=2).degrees, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_sorted_scores_are_sorted_again_or_reported(tmp_path, monkeypatch, capsys, kind):
    shards, folder = write_shards(tmp_path, 5, 2), tmp_path / "rows"
    monkeypatch.setattr(row_parts.shutil, "rmtree", lambda folder: None)  # as a killed writing leaves them
    write_parts(shards, OFFSETS, folder, ALONE, images_per_part=2)
    expected = RowParts(folder, OFFSETS, ALONE, images_per_part=2).degrees
    path, part = folder / "sorted" / "0.npz", folder / "parts" / "2.json"
    result = outcomes(path, lambda: blocks_of(path), kind)
    assert not result.others
    assert result.rejected >= 20
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(4):
        path.write_bytes(flipped(whole, rng, kind))
        part.unlink()
        write_parts(shards, OFFSETS, folder, ALONE, images_per_part=2)
        assert_array_equal(RowParts(folder, OFFSETS, ALONE, images_per_part=2).degrees, expected)
    assert "the scores are sorted again, as" in capsys.readouterr().out


def blocks_of(path):
    shard = row_parts._open_sorted(path)
    return [shard.read(name, block) for name in row_parts.SORTED_ARRAYS for block in range(len(shard))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["quadratic.npz", "walk.npz", "inputs.json"])
def test_a_ranking_with_a_damaged_state_ends_with_the_same_bits(tmp_path, capsys, name, kind):
    shards, folder = write_shards(tmp_path, 3, 2), tmp_path / "state"

    def ranked():
        options = {"images_per_part": 2, "save_every_s": 0.0}
        return rank_from_files(ScoreFiles(shards, OFFSETS), LOD, folder, ALONE, StopRequest(), **options).ranking

    expected, path, rng = ranked(), folder / name, np.random.default_rng(0)
    for _ in range(6):
        path.write_bytes(flipped(path.read_bytes(), rng, kind))
        again = ranked()
        assert_array_equal(again.final.scores, expected.final.scores)
        assert_array_equal(again.quadratic.scores, expected.quadratic.scores)
    if name != "inputs.json":
        assert "starts from step 0, as" in capsys.readouterr().out


def test_a_damaged_record_of_inputs_is_reported(tmp_path, capsys):
    write_shards(tmp_path, 3, 2)
    (tmp_path / "inputs.json").write_bytes(b'{"layout": \xff}')
    open_folder(tmp_path, "0123456789abcdef", ALONE)
    assert "starts from scratch, as" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["inputs.json"]
