"""Random scores of a small collection, in as many shards as asked for."""

from pathlib import Path

import numpy as np

from objectcrop.codes import starts
from objectcrop.proposals.lod.ranking.hough import Entries
from objectcrop.proposals.lod.ranking.score_shards import write_scores

COUNTS = np.array([3, 5, 0, 4, 1, 6, 2, 4, 5])
OFFSETS = starts(COUNTS)
"""Of nine images, one without regions."""


def draw_blocks(seed: int) -> tuple[np.ndarray, list[Entries]]:
    """Pairs of images and their entries; some blocks are empty."""
    rng = np.random.default_rng(seed)
    pairs = np.array([(a, b) for a in range(9) for b in range(a + 1, 9) if rng.random() < 0.6], np.int32).reshape(-1, 2)
    blocks = []
    for first, second in pairs.tolist():
        rows, columns = np.nonzero(rng.random((COUNTS[first], COUNTS[second])) < 0.5)
        values = rng.gamma(1.0, size=len(rows)).astype(np.float32) * 1e5
        blocks.append(Entries(rows.astype(np.uint16), columns.astype(np.uint16), values))
    return pairs, blocks


def write_shards(folder: Path, seed: int, num_shards: int) -> list[Path]:
    """The shards as `score_pairs` makes them."""
    pairs, blocks = draw_blocks(seed)
    paths = [folder / f"{shard}-of-{num_shards}.npz" for shard in range(num_shards)]
    for shard, path in enumerate(paths):
        write_scores(path, pairs[shard::num_shards], blocks[shard::num_shards])
    return paths
