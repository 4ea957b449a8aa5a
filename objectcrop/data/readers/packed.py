"""Packed text files (.gz, .bz2, .zst and others): unpacked as they are read, and no further than text packs."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

MAX_RATIO, ALWAYS_BYTES = 100, 256 << 20
"""A box CSV is packed to about an eighth. Zeros are packed to a thousandth and less, and would fill the memory."""


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a text file; what it is packed with is known by its ending.

    Raises:
        OSError: if it is not there.
        ValueError: while it is read, naming the file, if it holds more than 256 MiB and 100 times what is on the disk.
    """
    with pa.input_stream(str(path)) as stream:
        if isinstance(stream, pa.CompressedInputStream):
            yield cast(BinaryIO, io.BufferedReader(_Bounded(path, stream), 1 << 20))
        else:
            yield cast(BinaryIO, stream)


class _Bounded(io.RawIOBase):
    def __init__(self, path: Path, stream: pa.NativeFile) -> None:
        self._path, self._stream, self._num_bytes = path, stream, 0
        self._most = max(ALWAYS_BYTES, MAX_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # of io, which allows any buffer
        data = self._stream.read(len(buffer))
        self._num_bytes += len(data)
        if self._num_bytes > self._most:
            raise ValueError(
                f"{self._path}: holds more than {self._most:,} bytes once it is unpacked, {self._path.stat().st_size:,} are on the "
                "disk; get it again, or unpack it if it is right"
            )
        buffer[: len(data)] = data
        return len(data)
