"""Arrays whose rows come in blocks, each with a checksum: a block is verified when it is read, however large the file is."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.lod.shards import (
    Array,
    StoredArray,
    array_header,
    naming_damage,
    read_arrays,
    remake,
    unverified_array,
)

CHECKSUMS = "checksums"
"""Name of the array of them: CRC-32 of each array's header in row 0, then of each block's rows; a column for each array."""
Checksums = NDArray[np.uint32]


def checksum(rows: Array) -> int:
    """CRC-32 of the bytes of an array."""
    return zlib.crc32(np.ascontiguousarray(rows).data)


def header_checksum(shape: tuple[int, ...], dtype: object) -> int:
    """CRC-32 of the header that a file has before an array of this shape and type."""
    return zlib.crc32(array_header(shape, dtype))


def block_checksums(arrays: Mapping[str, Array], starts: NDArray[np.int64]) -> Checksums:
    """Return the checksums of arrays in memory, shape (blocks + 1, arrays).

    Args:
        arrays: alike in their blocks, ordered by row.
        starts: first row of each block and the number of rows, shape (blocks + 1,).
    """
    cuts = list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
    columns = [
        [header_checksum(array.shape, array.dtype), *(checksum(array[first:last]) for first, last in cuts)]
        for array in arrays.values()
    ]
    return np.array(columns, dtype=np.uint32).T.copy()


class Blocks:
    """Reads the blocks of the arrays of one npz file, and verifies each.

    Args:
        path: of the file.
        names: of the arrays, as the columns of its checksums.
        starts: first row of each block and the number of rows, shape (blocks + 1,).
        rule: that makes the file, for messages.

    Raises:
        ValueError: naming the file, if it has no checksums, as those of earlier versions, or is damaged.
    """

    def __init__(self, path: str | Path, names: Sequence[str], starts: NDArray[np.int64], *, rule: str) -> None:
        self._path, self._starts, self._rule = Path(path), starts, rule
        (checksums,) = read_arrays(path, CHECKSUMS, rule=rule)
        with naming_damage(path, rule):
            if checksums.shape != (len(starts), len(names)) or checksums.dtype != np.uint32:
                raise ValueError(f"it has {checksums.shape} checksums, not {(len(starts), len(names))}")
        self._checksums = dict(zip(names, checksums.T, strict=True))
        self._stored: dict[str, StoredArray] = {}

    def __len__(self) -> int:
        """Blocks."""
        return len(self._starts) - 1

    def read(self, name: str, block: int) -> Array:
        """Return the rows of one block of an array.

        Raises:
            ValueError: naming the file and the array, if they are not those that were written.
        """
        first, last = self._starts[block : block + 2].tolist()
        rows = self._array(name).read(first, last)
        if checksum(rows) != self._checksums[name][block + 1]:
            raise ValueError(
                f"{self._path}: damaged (the checksum of {name} in block {block} is wrong); {remake(self._rule)}"
            )
        return rows

    def verify(self) -> None:
        """Read every block once.

        Raises:
            ValueError: as `read`.
        """
        for name in self._checksums:
            for block in range(len(self)):
                self.read(name, block)

    def _array(self, name: str) -> StoredArray:
        if name not in self._stored:
            header_crc = int(self._checksums[name][0])
            self._stored[name] = unverified_array(self._path, name, rule=self._rule, header_crc=header_crc)
        return self._stored[name]
