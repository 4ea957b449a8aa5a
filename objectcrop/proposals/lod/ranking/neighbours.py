"""Nearest images by descriptor, and the pairs of images to score (spec of LOD, section 4)."""

from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.codes import distinct_pairs
from objectcrop.proposals.loops import neighbours as neighbour_loops
from objectcrop.runtime.progress import Progress

IMAGES_AT_A_TIME = 16384
"""Images of which the descriptors are in memory, twice: 134 MB with 2048 numbers. So often all others are read."""
ROWS_AT_A_TIME = 1024
"""Of these, images that are compared with as many others at once: their cosines take 67 MB."""

Floats = NDArray[np.float32]


class Neighbours(NamedTuple):
    """Nearest other images of every image, nearest first."""

    indices: NDArray[np.int32]
    """Shape (images, k)."""
    similarities: Floats
    """Shape (images, k): cosine, -1 to 1."""


class Descriptors(Protocol):
    """An array of shape (images, dimensions), or what reads slices of one from files."""

    def __len__(self) -> int:
        """Images."""
        ...

    def __getitem__(self, images: slice, /) -> Floats:
        """Descriptors of consecutive images."""
        ...


def find_neighbours(
    descriptors: Descriptors,
    num_neighbours: int,
    *,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Neighbours:
    """Return the `num_neighbours` images with the greatest cosine, by exact search; all if there are fewer.

    An image is not its own neighbour. Ties keep the images' order. A descriptor of zeros is similar to none (cosine 0).
    A block of cosines and two of descriptors are in memory, whatever the number of images. How many images are taken at a time
    may change last bits of the cosines, as it does those of any product of matrices.

    Args:
        descriptors: shape (images, dimensions), finite.
        num_neighbours: k.
        device: of torch, which then multiplies and sorts; NumPy and a compiled loop do otherwise.
        progress: called with the images that are done.
    """
    count = len(descriptors)
    kept = min(num_neighbours, max(count - 1, 0))
    neighbours = Neighbours(np.zeros((count, kept), dtype=np.int32), np.zeros((count, kept), dtype=np.float32))
    with progress or nullcontext():
        for first, last in _runs(count, IMAGES_AT_A_TIME) if kept else ():
            search = _search if device is None else partial(_search_on, device)
            neighbours.similarities[first:last], neighbours.indices[first:last] = search(descriptors, first, last, kept)
            if progress is not None:
                progress.advance(last - first)
    return neighbours


def _runs(count: int, at_a_time: int) -> list[tuple[int, int]]:
    return list(pairwise([*range(0, count, at_a_time), count]))


def _unit(descriptors: Floats) -> Floats:
    lengths = np.linalg.norm(descriptors, axis=1, keepdims=True)
    return np.asarray(descriptors / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def _search(descriptors: Descriptors, first: int, last: int, kept: int) -> tuple[Floats, NDArray[np.int32]]:
    """Greatest cosines of some images with all others, and whose they are."""
    own = _unit(descriptors[first:last])
    greatest = np.full((len(own), kept), -np.inf, dtype=np.float32)
    indices = np.zeros((len(own), kept), dtype=np.int32)
    for begin, end in _runs(len(descriptors), IMAGES_AT_A_TIME):
        others = _unit(descriptors[begin:end])
        for top, bottom in _runs(len(own), ROWS_AT_A_TIME):
            cosine = own[top:bottom] @ others.T
            same = np.arange(max(first + top, begin), min(first + bottom, end))
            cosine[same - first - top, same - begin] = -np.inf
            neighbour_loops.keep_greatest(cosine, begin, greatest[top:bottom], indices[top:bottom])
    return greatest, indices


def _search_on(
    device: torch.device, descriptors: Descriptors, first: int, last: int, kept: int
) -> tuple[Floats, NDArray[np.int32]]:
    """The same by torch: what is kept of each row is sorted together with new columns."""
    own = torch.from_numpy(_unit(descriptors[first:last])).to(device)
    best = torch.empty((len(own), 0), dtype=torch.int64, device=device)
    for begin, end in _runs(len(descriptors), IMAGES_AT_A_TIME):
        others = torch.from_numpy(_unit(descriptors[begin:end])).to(device)
        parts = []
        for top, bottom in _runs(len(own), ROWS_AT_A_TIME):
            cosine = own[top:bottom] @ others.T
            same = torch.from_numpy(np.arange(max(first + top, begin), min(first + bottom, end))).to(device)
            cosine[same - first - top, same - begin] = -torch.inf
            keys = torch.cat([best[top:bottom], _keys(cosine, begin)], dim=1)
            parts.append(keys.topk(min(kept, keys.shape[1]), dim=1).values)
        best = torch.cat(parts)
    return _cosines(best).cpu().numpy(), (LOW_BITS - (best & LOW_BITS)).to(torch.int32).cpu().numpy()


LOW_BITS = (1 << 32) - 1


def _keys(cosine: Tensor, first_column: int) -> Tensor:
    """Integers that order as the cosines do, and equal cosines by falling column: `topk` leaves the order of ties open."""
    bits = (cosine + 0.0).contiguous().view(torch.int32).to(torch.int64)  # there is one zero
    order = torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    columns = torch.arange(first_column, first_column + cosine.shape[1], device=cosine.device)
    return (order << 32) + (LOW_BITS - columns)


def _cosines(keys: Tensor) -> Tensor:
    order = keys >> 32
    bits = torch.where(order < 0, -order | -0x80000000, order)
    return bits.to(torch.int32).view(torch.float32)


def pairs_to_score(indices: NDArray[np.int32]) -> NDArray[np.int32]:
    """Pairs (i, j), i < j, of which one is a neighbour of the other; each once, sorted, shape (pairs, 2).

    The reference scores every ordered pair; the other half are mirror images.
    """
    count, kept = indices.shape
    own, other = np.repeat(np.arange(count, dtype=np.int32), kept), indices.reshape(-1)
    first, second = distinct_pairs(np.minimum(own, other), np.maximum(own, other), max(count, 1))
    return np.stack([first, second], axis=1, dtype=np.int32, casting="same_kind")
