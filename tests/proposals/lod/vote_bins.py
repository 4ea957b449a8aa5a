"""Bins of votes along each axis, read off their places."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.loops.hough import REACH, VoteGrid, Votes


class VoteBins(NamedTuple):
    """Pairs that vote and the bins that they vote for."""

    first: NDArray[np.int64]
    second: NDArray[np.int32]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    scale: NDArray[np.int64]


def vote_bins(votes: Votes, grid: VoteGrid) -> VoteBins:
    shape = [len(edges) - 1 + 2 * REACH for edges in (grid.y, grid.x, grid.scale)]
    y, x, scale = (index - REACH for index in np.unravel_index(votes.places, shape))
    return VoteBins(np.repeat(np.arange(len(votes.starts) - 1), np.diff(votes.starts)), votes.second, y, x, scale)
