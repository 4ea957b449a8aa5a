"""The files of scores: the entries of the blocks of a shard's pairs of images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.lod.ranking.hough import Entries
from objectcrop.proposals.lod.shards import Array, read_arrays, write_arrays


def _stacked(parts: list[Array], dtype: Any) -> Array:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


def write_scores(path: str | Path, pairs: Array, blocks: Sequence[Entries], *, halved: bool = False) -> None:
    """Write the scores of a shard's pairs: `pairs` (n, 2) and their entries, one after another.

    Args:
        path: npz file.
        pairs: numbers of the two images of each pair.
        blocks: entries of each pair.
        halved: keep values in float16 over a scale of their pair; a value is then off by at most 2^-11 of itself, and those
            below 2^-29 of the pair's greatest by at most 2^-39 of that.
    """
    values, scales = [block.values for block in blocks], np.ones(len(blocks), dtype=np.float32)
    if halved:
        scales = np.array([_scale(block.values) for block in blocks], dtype=np.float32)
        values = [own / scale for own, scale in zip(values, scales, strict=True)]
    write_arrays(
        path,
        pairs=pairs,
        counts=np.array([len(block.values) for block in blocks], dtype=np.int64),
        rows=_stacked([block.rows for block in blocks], np.uint16),
        columns=_stacked([block.columns for block in blocks], np.uint16),
        values=_stacked(values, np.float16 if halved else np.float32),
        scales=scales,
    )


def _scale(values: NDArray[np.float32]) -> float:
    """A power of two, so that scaling loses nothing, which brings the greatest value to float16's upper end."""
    return float(np.exp2(np.frexp(values.max(initial=0))[1] - 15))


class Scores(NamedTuple):
    """The scores of a shard: pairs of images, and the entries of their blocks, one pair after another."""

    pairs: Array
    """Shape (pairs, 2)."""
    counts: NDArray[np.int64]
    """Entries of each pair."""
    rows: NDArray[np.uint16]
    """Region of the earlier image."""
    columns: NDArray[np.uint16]
    """Region of the later image."""
    values: NDArray[np.float32]


def read_scores(path: str | Path) -> Scores:
    """The scores of a shard, whichever way they were kept.

    Raises:
        ValueError: naming the file, if it is damaged or not one of scores.
    """
    pairs, counts, rows, columns, values, scales = read_arrays(
        path, "pairs", "counts", "rows", "columns", "values", "scales", rule="score_pairs"
    )
    if values.dtype == np.float16:
        values = values.astype(np.float32) * np.repeat(scales, counts)
    return Scores(pairs.reshape(-1, 2), counts, rows, columns, values)
