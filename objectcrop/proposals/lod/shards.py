"""The files between LOD's stages: npz without pickles, written whole or not at all, verified when they are read."""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.runtime.atomic import replacing

Array = NDArray[Any]

_FAULTS = (OSError, OverflowError, NotImplementedError, ValueError, struct.error, zipfile.BadZipFile)
"""What a damaged zip file, or a damaged header of an array in it, leads to."""
_BYTES_AT_A_TIME = 1 << 20
_LONGEST_HEADER = 10 + (1 << 16)
"""Bytes: what stands before an array's header, and the longest length that it can state."""


def remake(rule: str | None) -> str:
    """Return the end of a message about a file: what makes it again."""
    return "remove it and run snakemake again" + (f": rule {rule} makes it" if rule else "")


@contextmanager
def naming_damage(path: str | Path, rule: str | None) -> Iterator[None]:
    """Turn what a damaged file, or one of another kind, leads to into one ValueError.

    Args:
        path: of the file.
        rule: that makes it, None if no rule does.

    Raises:
        ValueError: naming the file, what is wrong and what to do. A file that is not there stays FileNotFoundError.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except _FAULTS as error:
        why = " ".join(str(error).split())
        raise ValueError(f"{path}: damaged, or not a file of this stage ({why}); {remake(rule)}") from error


def write_arrays(path: str | Path, **arrays: Array) -> None:
    """Write an npz file atomically, uncompressed."""
    with replacing(path) as aside:
        np.savez(aside, allow_pickle=False, **arrays)


def read_arrays(path: str | Path, *names: str, rule: str | None = None) -> tuple[Array, ...]:
    """Read whole arrays of an npz file that `write_arrays` wrote; each is compared with its checksum.

    Args:
        path: of the file.
        names: of the arrays.
        rule: that makes the file, for messages.

    Raises:
        ValueError: naming the file and the array, if it is damaged, lacks one or is compressed.
    """
    with naming_damage(path, rule):
        return tuple(_whole(Path(path), name) for name in names)


class StoredArray(NamedTuple):
    """An array of an npz file as it is on disk. What is read of it is a copy, so that memory holds no more than that."""

    path: Path
    start: int
    """Byte of the file that it begins at."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rule: str | None = None
    """That makes the file."""

    def __len__(self) -> int:
        """Its rows."""
        return self.shape[0]

    def read(self, first: int, last: int) -> Array:
        """Return rows first, ..., last - 1.

        Raises:
            ValueError: naming the file, if it ends before them.
        """
        row, offset = self.shape[1:], self.start
        items = math.prod(row)
        offset += first * items * self.dtype.itemsize
        values = np.fromfile(self.path, self.dtype, (last - first) * items, offset=offset)
        if len(values) != (last - first) * items:
            raise ValueError(f"{self.path}: ends too early; {remake(self.rule)}")
        return values.reshape(last - first, *row)


def stored_array(path: str | Path, name: str, *, rule: str | None = None) -> StoredArray:
    """Say where an array of an npz file is. All of it is read once, in small parts, and compared with its checksum.

    Args:
        path: of the file, which must not be compressed.
        name: of the array.
        rule: that makes the file, for messages.

    Raises:
        ValueError: naming the file and the array, if it is damaged, not there or compressed, or is a single number.
    """
    with naming_damage(path, rule):
        member = _locate(Path(path), name)
        _verify(_crc_of_file(member), member.crc, name)
        return _stored(member, name, _header_bytes(member), rule)


def unverified_array(path: str | Path, name: str, *, rule: str, header_crc: int) -> StoredArray:
    """Say where an array of an npz file is, of which the header alone is verified: who reads of it must verify that.

    Args:
        path: of the file, which must not be compressed.
        name: of the array.
        rule: that makes the file, for messages.
        header_crc: CRC-32 of the array's header.

    Raises:
        ValueError: as `stored_array`.
    """
    with naming_damage(path, rule):
        member = _locate(Path(path), name)
        header = _header_bytes(member)
        _verify(zlib.crc32(header), header_crc, name)
        return _stored(member, name, header, rule)


def array_header(shape: tuple[int, ...], dtype: Any) -> bytes:
    """Return what stands before an array of this shape and type in a file."""
    header = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


class _Member(NamedTuple):
    """Where the content of a member of a zip file is: header and values of an array."""

    path: Path
    start: int
    num_bytes: int
    crc: int


def _locate(path: Path, name: str) -> _Member:
    with zipfile.ZipFile(path) as archive:
        if f"{name}.npy" not in archive.namelist():
            raise ValueError(f"it has no {name}, as one of another version")
        info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise ValueError(f"{name} is compressed")
    start = _first_byte(path, info.header_offset)
    # a damaged length must not make room for itself
    if start + info.file_size > path.stat().st_size:
        raise ValueError(f"{name} would end after the file")
    return _Member(path, start, info.file_size, info.CRC)


def _first_byte(path: Path, header_offset: int) -> int:
    """Where a member's content starts: after a header of 30 bytes, its name and extra field."""
    with path.open("rb") as file:
        file.seek(header_offset + 26)
        name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
    return header_offset + 30 + int(name_bytes) + int(extra_bytes)


def _crc_of_file(member: _Member) -> int:
    crc, left = 0, member.num_bytes
    with member.path.open("rb") as file:
        file.seek(member.start)
        while left and (data := file.read(min(left, _BYTES_AT_A_TIME))):
            crc, left = zlib.crc32(data, crc), left - len(data)
    return crc


def _verify(crc: int, expected: int, name: str) -> None:
    if crc != expected:
        raise ValueError(f"the checksum of {name} is wrong")


def _whole(path: Path, name: str) -> Array:
    member = _locate(path, name)
    content = np.fromfile(path, np.uint8, member.num_bytes, offset=member.start)
    _verify(zlib.crc32(content.data), member.crc, name)
    shape, is_fortran, dtype, length = _parse(content[:_LONGEST_HEADER].tobytes())
    if math.prod(shape) * dtype.itemsize != len(content) - length:
        raise ValueError(f"{name} has not the bytes of {shape} values of {dtype}")
    return content[length:].view(dtype).reshape(shape, order="F" if is_fortran else "C")


def _header_bytes(member: _Member) -> bytes:
    with member.path.open("rb") as file:
        file.seek(member.start)
        start = file.read(10)
        return start + file.read(int.from_bytes(start[8:], "little"))


def _stored(member: _Member, name: str, header: bytes, rule: str | None) -> StoredArray:
    shape, is_fortran, dtype, length = _parse(header)
    if not shape:
        raise ValueError(f"{name} is a single number")
    if is_fortran and len(shape) > 1:
        raise ValueError(f"{name} is stored by columns")
    if math.prod(shape) * dtype.itemsize != member.num_bytes - length:
        raise ValueError(f"{name} has not the bytes of {shape} values of {dtype}")
    return StoredArray(member.path, member.start + length, shape, dtype, rule)


def _parse(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, type, and the bytes of the header."""
    stream = io.BytesIO(header)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"an array of .npy version {version}")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return shape, is_fortran, dtype, stream.tell()


def part_of(count: int, num_parts: int, part: int) -> tuple[int, int]:
    """First item of a part and of the next, of `count` items in a row of parts that differ by one at most, longer ones first."""
    size, longer = divmod(count, num_parts)
    return part * size + min(part, longer), (part + 1) * size + min(part + 1, longer)
