"""W on disk, in parts of a fixed number of images: it need not fit into memory, and several processes share its rows.

Each part holds all entries of its rows, those of the blocks above the diagonal and their mirror images, sorted by row and
column. So neither the number of shards that scores came in nor the number of processes changes a bit of a product: a row is
summed from its first column to its last, and sums over rows are made part by part.

What an earlier attempt left is verified before it is used, and made again where it is damaged.
"""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from objectcrop.proposals.lod.blocks import CHECKSUMS, Blocks, block_checksums
from objectcrop.proposals.lod.ranking.graph import Vector
from objectcrop.proposals.lod.ranking.part_files import ARRAYS, is_part, map_array, verify_part, write_part
from objectcrop.proposals.lod.ranking.score_shards import read_scores
from objectcrop.proposals.lod.shards import read_arrays, write_arrays
from objectcrop.proposals.loops.rows import multiply_rows
from objectcrop.runtime.distributed import World
from objectcrop.runtime.progress import Progress

IMAGES_PER_PART = 512
"""Fixed, as the last bits of sums over rows depend on it."""
SORTED, PARTS = "sorted", "parts"
SORTED_ARRAYS = ("rows", "columns", "values")
RULE: Final = "rank_regions"


def part_bounds(offsets: NDArray[np.int64], images_per_part: int = IMAGES_PER_PART) -> NDArray[np.int64]:
    """First region of every part, and the number of regions: shape (parts + 1,).

    Args:
        offsets: first region of each image and the number of regions, shape (images + 1,).
        images_per_part: the last part has the rest.
    """
    return np.append(offsets[:-1:images_per_part], offsets[-1])


def write_parts(
    scores: Sequence[str | Path],
    offsets: NDArray[np.int64],
    folder: Path,
    world: World,
    *,
    images_per_part: int = IMAGES_PER_PART,
) -> None:
    """Write the rows of W to `folder` from the shards of scores; what an earlier attempt finished is kept.

    Each process sorts some of the shards by part, then builds some of the parts. One shard or one part is in memory at a
    time, several times over.

    Args:
        scores: npz of every shard, in any order.
        offsets: first region of each image, shape (images + 1,).
        folder: shared by all processes.
        world: the processes.
        images_per_part: see IMAGES_PER_PART.
    """
    bounds = part_bounds(offsets, images_per_part)
    num_parts, process = len(bounds) - 1, f"process {world.rank + 1} of {world.size}"
    parts = [part for part in range(world.rank, num_parts, world.size) if not _is_whole(folder / PARTS / str(part))]
    if not world.any(bool(parts)):
        return
    mine = range(world.rank, len(scores), world.size)
    with Progress(f"LOD scores by row, {process}", total=len(mine), unit="shards") as progress:
        for shard in mine:
            _sort_shard(scores[shard], offsets, bounds, _sorted_path(folder, shard))
            progress.advance()
    world.wait()
    shards = [_open_sorted(_sorted_path(folder, shard)) for shard in range(len(scores))]
    with Progress(f"LOD rows of W, {process}", total=len(parts), unit="parts") as progress:
        for part in parts:
            _build_part(part, bounds, shards, folder)
            progress.advance()
    world.wait()
    if world.is_first:
        shutil.rmtree(folder / SORTED)


def _is_whole(stem: Path) -> bool:
    """Whether a part is there as it was written; a damaged one is reported."""
    if not is_part(stem):
        return False
    try:
        verify_part(stem)
    except ValueError as error:
        print(f"LOD ranking: the part is made again, as {error}")
        return False
    return True


def _sorted_path(folder: Path, shard: int) -> Path:
    return folder / SORTED / f"{shard}.npz"


def _open_sorted(path: Path) -> Blocks:
    (starts,) = read_arrays(path, "starts", rule=RULE)
    return Blocks(path, SORTED_ARRAYS, starts, rule=RULE)


def _is_sorted(path: Path) -> bool:
    """Whether a sorted shard is there as it was written; a damaged one is reported."""
    if not path.is_file():
        return False
    try:
        _open_sorted(path).verify()
    except ValueError as error:
        print(f"LOD ranking: the scores are sorted again, as {error}")
        return False
    return True


def _sort_shard(path: str | Path, offsets: NDArray[np.int64], bounds: NDArray[np.int64], target: Path) -> None:
    if _is_sorted(target):
        return
    pairs, counts, rows, columns, values = read_scores(path)
    first, second = np.repeat(offsets[pairs.reshape(-1, 2)], counts, axis=0).T
    above, left = first + rows, second + columns
    number = _index_type(int(bounds[-1]))
    both = np.concatenate([above, left]).astype(number), np.concatenate([left, above]).astype(number)
    part = np.searchsorted(bounds, both[0], side="right") - 1
    order = np.argsort(part, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=len(bounds) - 1))])
    sides = (both[0][order], both[1][order], np.concatenate([values, values])[order])
    arrays = dict(zip(SORTED_ARRAYS, sides, strict=True))
    write_arrays(target, **arrays, **{"starts": starts, CHECKSUMS: block_checksums(arrays, starts)})


def _build_part(part: int, bounds: NDArray[np.int64], shards: Sequence[Blocks], folder: Path) -> None:
    rows, columns, values = (np.concatenate([shard.read(name, part) for shard in shards]) for name in SORTED_ARRAYS)
    order = np.lexsort((columns, rows))
    counts = np.bincount(rows - bounds[part], minlength=int(bounds[part + 1] - bounds[part]))
    starts = np.concatenate([[0], np.cumsum(counts)])
    write_part(folder / PARTS / str(part), columns[order], values[order], starts)


def _index_type(num_regions: int) -> Any:
    return np.int32 if num_regions <= np.iinfo(np.int32).max else np.int64


class RowParts:
    """W as its parts are on disk, verified once and read again for every product; a Graph.

    Args:
        folder: the one that `write_parts` wrote to.
        offsets: first region of each image, shape (images + 1,).
        world: the processes; each has a run of parts.
        images_per_part: as the parts were written.

    Raises:
        ValueError: naming the file, if one of the own parts is damaged.
    """

    def __init__(
        self, folder: Path, offsets: NDArray[np.int64], world: World, *, images_per_part: int = IMAGES_PER_PART
    ) -> None:
        self._folder, self._world = folder, world
        self._bounds = part_bounds(offsets, images_per_part)
        num_parts = len(self._bounds) - 1
        self._part_cuts = [rank * num_parts // world.size for rank in range(world.size + 1)]
        self._row_cuts = [int(self._bounds[cut]) for cut in self._part_cuts]
        self._parts = range(*self._part_cuts[world.rank : world.rank + 2])
        self._rows = slice(*self._row_cuts[world.rank : world.rank + 2])
        self.num_regions = int(self._bounds[-1])
        for part in self._parts:
            verify_part(self._stem(part))
        self.degrees = self.whole(self.times(np.ones(self.num_regions)))

    @property
    def num_own_entries(self) -> int:
        """Entries of the own rows."""
        return sum(int(map_array(self._stem(part), "starts")[-1]) for part in self._parts)

    def own(self, whole: Vector) -> Vector:
        """The values of the own rows, a view."""
        return whole[self._rows]

    def whole(self, own: Vector) -> Vector:
        """Return the values of all rows, from all processes."""
        values = np.zeros(self.num_regions)
        values[self._rows] = own
        self._world.share(torch.from_numpy(values), self._row_cuts)
        return values

    def times(self, whole: Vector) -> Vector:
        """Own rows of W times a vector, float64."""
        own = np.zeros(self._rows.stop - self._rows.start)
        for part in self._parts:
            stem = self._stem(part)
            first, last = self._bounds[part : part + 2] - self._rows.start
            columns, values, starts = (np.asarray(map_array(stem, name)) for name in ARRAYS)
            multiply_rows(starts, columns, values, whole, own[first:last])
        return own

    def total(self, own: Vector) -> float:
        """Sum over the rows of all processes: part by part, and these exactly."""
        sums = np.zeros(len(self._bounds) - 1)
        for part in self._parts:
            first, last = self._bounds[part : part + 2] - self._rows.start
            sums[part] = own[first:last].sum()
        self._world.share(torch.from_numpy(sums), self._part_cuts)
        return math.fsum(sums)

    def _stem(self, part: int) -> Path:
        return self._folder / PARTS / str(part)
