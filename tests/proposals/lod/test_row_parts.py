"""W on disk is W in memory; neither shards nor parts change a bit of a product."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from objectcrop.proposals.lod.ranking import row_parts
from objectcrop.proposals.lod.ranking.graph import MemoryGraph
from objectcrop.proposals.lod.ranking.ranking import symmetric_matrix
from objectcrop.proposals.lod.ranking.row_parts import RowParts, part_bounds, write_parts
from objectcrop.runtime.distributed import World
from tests.proposals.lod.score_shards import OFFSETS, draw_blocks, write_shards

ALONE = World(0, 1, torch.device("cpu"))


def in_memory(seed: int) -> MemoryGraph:
    pairs, blocks = draw_blocks(seed)
    rows = np.concatenate([OFFSETS[a] + block.rows for (a, _), block in zip(pairs, blocks, strict=True)])
    columns = np.concatenate([OFFSETS[b] + block.columns for (_, b), block in zip(pairs, blocks, strict=True)])
    values = np.concatenate([block.values for block in blocks])
    return MemoryGraph(symmetric_matrix(rows, columns, values, int(OFFSETS[-1])))


def on_disk(folder, seed: int, *, num_shards: int, images_per_part: int) -> RowParts:
    shards = write_shards(folder, seed, num_shards)
    write_parts(shards, OFFSETS, folder / "rows", ALONE, images_per_part=images_per_part)
    return RowParts(folder / "rows", OFFSETS, ALONE, images_per_part=images_per_part)


@pytest.mark.parametrize(("num_shards", "images_per_part"), [(1, 512), (1, 2), (4, 2), (7, 1), (3, 9)])
def test_a_product_is_that_of_the_matrix_in_memory_bit_for_bit(tmp_path, num_shards, images_per_part):
    expected = in_memory(3)
    parts = on_disk(tmp_path, 3, num_shards=num_shards, images_per_part=images_per_part)
    vector = np.random.default_rng(0).random(int(OFFSETS[-1]))
    assert_array_equal(parts.times(vector), expected.times(vector))
    assert_array_equal(parts.degrees, expected.degrees)
    assert parts.num_regions == len(vector)


def test_a_total_is_the_sum_of_the_sums_of_parts(tmp_path):
    parts = on_disk(tmp_path, 1, num_shards=2, images_per_part=4)
    # 12 regions in the first part, 13 in the second, 5 in the third: the small one would be lost beside the others
    vector = np.concatenate([np.full(12, 1e16), np.full(13, 0.25), np.full(5, -12e16 / 5)])
    assert parts.total(vector) == 3.25


def test_parts_hold_whole_images():
    assert_array_equal(part_bounds(np.array([0, 3, 3, 8, 9]), 2), [0, 3, 9])
    assert_array_equal(part_bounds(np.array([0, 3, 3, 8]), 2), [0, 3, 8])
    assert_array_equal(part_bounds(np.array([0])), [0])


def test_a_killed_writing_resumes_with_what_is_finished(tmp_path, monkeypatch):
    expected = on_disk(tmp_path / "whole", 5, num_shards=3, images_per_part=2)
    shards = write_shards(tmp_path, 5, 3)
    built: list[int] = []
    real = row_parts._build_part

    def dying(part, *arguments):
        if len(built) == 1:  # three shards are sorted, one part is built
            raise KeyboardInterrupt
        built.append(part)
        real(part, *arguments)

    monkeypatch.setattr(row_parts, "_build_part", dying)
    with pytest.raises(KeyboardInterrupt):
        write_parts(shards, OFFSETS, tmp_path / "rows", ALONE, images_per_part=2)
    monkeypatch.setattr(row_parts, "_build_part", real)
    for shard in shards:
        shard.unlink()  # they are not read again
    write_parts(shards, OFFSETS, tmp_path / "rows", ALONE, images_per_part=2)
    write_parts(shards, OFFSETS, tmp_path / "rows", ALONE, images_per_part=2)
    parts = RowParts(tmp_path / "rows", OFFSETS, ALONE, images_per_part=2)
    assert_array_equal(parts.degrees, expected.degrees)
    assert not (tmp_path / "rows" / "sorted").exists()


def test_a_collection_without_images_has_no_rows(tmp_path):
    write_parts([], np.array([0]), tmp_path, ALONE)
    parts = RowParts(tmp_path, np.array([0]), ALONE)
    assert parts.num_regions == 0
    assert parts.total(np.zeros(0)) == 0


def test_very_many_regions_are_numbered_in_64_bits():
    assert row_parts._index_type(2**31 - 1) is np.int32
    assert row_parts._index_type(2**31) is np.int64
