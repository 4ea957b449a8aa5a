"""What Parquet's checksums of pages leave open: the footer, which says where columns are, their types and how many rows.

Our files keep the SHA-256 of the footer right before it, where no reader looks: after the last page. It is no metadata, as
tools copy that from table to table. Files of other tools have none.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

_MARK = b"objectcrop-footer"
"""Before and after the digest, so that a damaged mark is not taken for none."""
_END_BYTES = 8
"""The length of the footer, 4 bytes, and Parquet's mark."""
_FAULTS = (pa.ArrowException, MemoryError, OSError, OverflowError, ValueError)
"""What a damaged file leads to: lengths and types that cannot be, wrong checksums, bytes that are no text."""


@contextmanager
def naming_damage(path: str | Path) -> Iterator[None]:
    """Turn what a damaged file leads to into a ValueError, one sentence that names it."""
    try:
        yield
    except _FAULTS as error:
        why = " ".join(str(error).split())
        raise ValueError(f"{path}: cannot be read as Parquet ({why}); remove it and run its rule again") from error


def seal_footer(path: Path) -> None:
    """Put the digest of a file's footer before it."""
    with path.open("rb+") as file:
        start = _start(file)
        file.seek(start)
        footer = file.read()
        file.seek(start)
        file.write(_seal(footer) + footer)


def verify_footer(path: str | Path) -> None:
    """Compare the footer with its digest, if it has one.

    Raises:
        ValueError: if it is damaged, without the file's name.
    """
    with Path(path).open("rb") as file:
        start = _start(file)
        file.seek(max(0, start - len(_seal(b""))))
        seal, footer = file.read(min(start, len(_seal(b"")))), file.read()
    is_sealed = seal.startswith(_MARK) or seal.endswith(_MARK)
    if is_sealed and seal != _seal(footer):
        raise ValueError("its footer is damaged: the SHA-256 of it is not the one before it")


def _seal(footer: bytes) -> bytes:
    return _MARK + hashlib.sha256(footer).digest() + _MARK


def _start(file: IO[bytes]) -> int:
    """Where the footer begins."""
    num_bytes = file.seek(0, 2)
    file.seek(max(0, num_bytes - _END_BYTES))
    start = num_bytes - _END_BYTES - int.from_bytes(file.read(4), "little")
    if start < 0:
        raise ValueError("it has no footer, or is cut off")
    return start
