"""Many small things in few blocks of memory: ids, paths, sizes and boxes of all images of a collection.

A forked worker shares the memory of the process that started it until one of them writes to it. Reading a Python object writes to
it (its count of references), so a list of strings becomes each worker's own, page by page. Blocks of numbers and bytes do not.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, Size, as_boxes

T = TypeVar("T")


class _Flat(Sequence[T]):
    """A sequence whose items are made when they are read."""

    @abstractmethod
    def _item(self, place: int) -> T:
        """Make the item of a place that is there."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return tuple(self._item(one) for one in range(*place.indices(len(self))))
        if not -len(self) <= place < len(self):
            raise IndexError(f"{place} is not among {len(self)}")
        return self._item(place % len(self))

    def __iter__(self) -> Iterator[T]:
        return (self._item(place) for place in range(len(self)))


class Texts(_Flat[str]):
    """Short strings."""

    def __init__(self, values: pd.Series | pa.Array | Sequence[str]) -> None:
        is_block = isinstance(values, pd.Series | pa.Array)
        self._values = pa.array(values if is_block else list(values), pa.large_string())
        if isinstance(self._values, pa.ChunkedArray):
            self._values = self._values.combine_chunks()

    def __len__(self) -> int:
        return len(self._values)

    def places_of(self, texts: pd.Series) -> NDArray[np.int64]:
        """Return where each of some strings is, -1 for one that is not here; these strings are all different."""
        found = pc.index_in(pa.array(texts, pa.large_string()), value_set=self._values)
        places: NDArray[np.int64] = pc.fill_null(found, -1).to_numpy().astype(np.int64)
        return places

    def take(self, rows: NDArray[np.int64]) -> "Texts":
        """Return the strings of some rows, in that order."""
        return Texts(self._values.take(pa.array(rows)))

    def _item(self, place: int) -> str:
        text: str = self._values[place].as_py()
        return text


class Paths(_Flat[Path]):
    """Paths below one folder."""

    def __init__(self, folder: Path, below: Texts) -> None:
        self._folder, self._below = folder, below

    def __len__(self) -> int:
        return len(self._below)

    def take(self, rows: NDArray[np.int64]) -> "Paths":
        """Return the paths of some rows, in that order."""
        return Paths(self._folder, self._below.take(rows))

    def _item(self, place: int) -> Path:
        return self._folder / self._below[place]


class Sizes(_Flat[Size]):
    """Sizes of images; `pixels` has a row of width and height for each, shape (n, 2)."""

    def __init__(self, pixels: NDArray[np.int32]) -> None:
        self.pixels = pixels

    @classmethod
    def of(cls, sizes: Sequence[Size]) -> "Sizes":
        """The same sizes."""
        return sizes if isinstance(sizes, cls) else cls(np.array(sizes, dtype=np.int32).reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.int64]) -> "Sizes":
        """Return the sizes of some rows, in that order."""
        return Sizes(self.pixels[rows])

    def _item(self, place: int) -> Size:
        width, height = self.pixels[place].tolist()
        return Size(width, height)


class Groups:
    """Rows of a block that belong to one thing after the other: those of the first, those of the second, and so on.

    Attributes:
        starts: where those of each begin, and where the last end, shape (n + 1,).
    """

    def __init__(self, counts: NDArray[np.int64]) -> None:
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, place: int) -> slice:
        """Return the rows of one thing."""
        first, stop = self.starts[place : place + 2].tolist()
        return slice(first, stop)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rows each has, shape (n,)."""
        return np.asarray(np.diff(self.starts))

    @property
    def owners(self) -> NDArray[np.int64]:
        """Whose each row is, shape (rows,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def places(self) -> NDArray[np.int64]:
        """The number of each row among those of its owner, shape (rows,)."""
        return np.asarray(np.arange(self.starts[-1]) - np.repeat(self.starts[:-1], self.counts))


class BoxLists(_Flat[Boxes]):
    """Boxes of images.

    Attributes:
        corners: of all, shape (rows, 4), pixels.
        groups: which are whose.
    """

    def __init__(self, corners: Boxes, counts: NDArray[np.int64]) -> None:
        self.corners, self.groups = corners, Groups(counts)

    @classmethod
    def of(cls, boxes: Sequence[Boxes]) -> "BoxLists":
        """The same boxes."""
        if isinstance(boxes, cls):
            return boxes
        arrays = [as_boxes(some) for some in boxes]
        return cls(np.concatenate([as_boxes([]), *arrays]), np.array([len(some) for some in arrays], dtype=np.int64))

    @classmethod
    def empty(cls, num_images: int) -> "BoxLists":
        """No box for any image."""
        return cls(as_boxes([]), np.zeros(num_images, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.groups)

    def _item(self, place: int) -> Boxes:
        return self.corners[self.groups.rows(place)]
