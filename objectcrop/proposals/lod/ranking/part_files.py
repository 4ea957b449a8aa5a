"""The files of a part of W: an .npy file for each array, so that they can be mapped, and the checksums of these files."""

import zlib
from pathlib import Path

import numpy as np

from objectcrop.proposals.lod.shards import Array, array_header, remake
from objectcrop.runtime.atomic import read_json, replacing, write_json

ARRAYS = ("columns", "values", "starts")
_BYTES_AT_A_TIME = 1 << 20


def write_part(stem: Path, columns: Array, values: Array, starts: Array) -> None:
    """Write the arrays to STEM.NAME.npy, and last their checksums to STEM.json, which stands for the whole.

    Args:
        stem: path without an ending.
        columns: of the entries, row by row.
        values: of the entries.
        starts: first entry of each row and the number of entries.
    """
    checksums = {}
    for name, array in zip(ARRAYS, (columns, values, starts), strict=True):
        with replacing(array_path(stem, name)) as aside:
            with aside.open("wb") as file:  # of a full disk np.save says how much it wrote, not why
                file.write(array_header(array.shape, array.dtype))
                file.write(np.ascontiguousarray(array).data)
            checksums[name] = _checksum(aside)
    write_json(_record(stem), checksums)


def is_part(stem: Path) -> bool:
    """Return whether the part was written to its end; whether it is still what was written, `verify_part` says."""
    return _record(stem).is_file()


def verify_part(stem: Path) -> None:
    """Read all files of a part, and compare them with their checksums.

    Raises:
        ValueError: naming the file, if one is damaged or not there.
    """
    checksums = read_json(_record(stem))
    if not isinstance(checksums, dict) or checksums.keys() != set(ARRAYS):
        raise ValueError(
            f"{_record(stem)}: damaged (expected checksums of {', '.join(ARRAYS)}); {remake('rank_regions')}"
        )
    for name in ARRAYS:
        path = array_path(stem, name)
        if not path.is_file() or _checksum(path) != checksums[name]:
            raise ValueError(f"{path}: damaged (its checksum is wrong) or not there; {remake('rank_regions')}")


def map_array(stem: Path, name: str) -> Array:
    """Return an array of a part, which stays on disk."""
    array: Array = np.load(array_path(stem, name), mmap_mode="r", allow_pickle=False)
    return array


def array_path(stem: Path, name: str) -> Path:
    """Return where an array of a part is."""
    return stem.with_name(f"{stem.name}.{name}.npy")


def _record(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.json")


def _checksum(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while data := file.read(_BYTES_AT_A_TIME):
            crc = zlib.crc32(data, crc)
    return crc
