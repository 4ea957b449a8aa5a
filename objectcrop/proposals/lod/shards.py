"""The files between LOD's stages: npz without pickles, written whole or not at all; and those of scores."""

import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.runtime.atomic import replacing

Array = NDArray[Any]


def write_arrays(path: str | Path, **arrays: Array) -> None:
    """Write an npz file atomically, uncompressed."""
    with replacing(path) as aside:
        np.savez(aside, allow_pickle=False, **arrays)


def read_arrays(path: str | Path, *names: str) -> tuple[Array, ...]:
    """The named arrays of an npz file.

    Raises:
        ValueError: naming the file, if it is none or lacks one.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return tuple(archive[name] for name in names)
    except FileNotFoundError:
        raise
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{path}: not a file of this stage ({error}); remove it and run its rule again") from error


class StoredArray(NamedTuple):
    """An array of an npz file as it is on disk. What is read of it is a copy, so that memory holds no more than that."""

    path: Path
    start: int
    """Byte of the file that it begins at."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        """Its rows."""
        return self.shape[0]

    def read(self, first: int, last: int) -> Array:
        """Return rows first, ..., last - 1.

        Raises:
            ValueError: naming the file, if it ends before them.
        """
        row, offset = self.shape[1:], self.start
        items = int(np.prod(row, dtype=np.int64))
        offset += first * items * self.dtype.itemsize
        values = np.fromfile(self.path, self.dtype, (last - first) * items, offset=offset)
        if len(values) != (last - first) * items:
            raise ValueError(f"{self.path}: ends too early; remove it and run its rule again")
        return values.reshape(last - first, *row)


def stored_array(path: str | Path, name: str) -> StoredArray:
    """Where an array of an npz file is. The file must not be compressed.

    Raises:
        ValueError: naming the file, if it is none, lacks the array or is compressed, or the array is a single number.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            if archive.getinfo(f"{name}.npy").compress_type != zipfile.ZIP_STORED:
                raise ValueError("it is compressed")
            version = np.lib.format.read_magic(member)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(member)
            if not shape:
                raise ValueError(f"{name} is a single number")
            start = _first_byte(path, archive.getinfo(f"{name}.npy").header_offset) + member.tell()
    except FileNotFoundError:
        raise
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a file of this stage ({error}); remove it and run its rule again") from error
    return StoredArray(Path(path), start, shape, dtype)


def _first_byte(path: str | Path, header_offset: int) -> int:
    """Where a member's content starts: after a header of 30 bytes, its name and extra field."""
    with Path(path).open("rb") as file:
        file.seek(header_offset + 26)
        name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
    return header_offset + 30 + int(name_bytes) + int(extra_bytes)


def part_of(count: int, num_parts: int, part: int) -> tuple[int, int]:
    """First item of a part and of the next, of `count` items in a row of parts that differ by one at most, longer ones first."""
    size, longer = divmod(count, num_parts)
    return part * size + min(part, longer), (part + 1) * size + min(part + 1, longer)
