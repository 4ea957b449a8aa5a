"""The files between LOD's stages: npz without pickles, written whole or not at all, and joined again.

A shard holds images shard, shard + num_shards, ... of the training split, so that joining puts them back in the order of
the manifest whatever the number of shards.
"""

import struct
import zipfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Size
from objectcrop.lod.hough import Entries
from objectcrop.lod.regions import ImageRegions
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


def map_array(path: str | Path, name: str) -> Array:
    """An array of an npz file as it lies on disk: only what is looked at is read. The file must not be compressed.

    Raises:
        ValueError: naming the file, if it is none, lacks the array or is compressed.
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
            header_bytes = member.tell()
            start = _first_byte(path, archive.getinfo(f"{name}.npy").header_offset)
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path}: not a file of this stage ({error}); remove it and run its rule again") from error
    if 0 in shape:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", start + header_bytes, shape)


def _first_byte(path: str | Path, header_offset: int) -> int:
    """Where a member's content starts: after a header of 30 bytes, its name and extra field."""
    with Path(path).open("rb") as file:
        file.seek(header_offset + 26)
        name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
    return header_offset + 30 + int(name_bytes) + int(extra_bytes)


def starts(counts: Array) -> NDArray[np.int64]:
    """First item of each group, and the number of all items: shape (groups + 1,)."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def write_features(path: str | Path, image_ids: Sequence[str], images: Sequence[ImageRegions], *, exact: bool) -> None:
    """Write the features of a shard's images.

    Args:
        path: npz file.
        image_ids: of the images, in the shard's order.
        images: their features.
        exact: keep region features in float32; projected ones lose nothing by float16.
    """
    number = np.float32 if exact else np.float16
    write_arrays(
        path,
        image_ids=np.array(image_ids, dtype=np.str_),
        sizes=np.array([image.size for image in images], dtype=np.int32).reshape(-1, 2),
        counts=np.array([len(image.regions.boxes) for image in images], dtype=np.int64),
        descriptors=_stacked([image.descriptor[None] for image in images], np.float32),
        boxes=_stacked([image.regions.boxes for image in images], np.int32).reshape(-1, 4),
        roots=_stacked([image.regions.roots for image in images], np.int32),
        layers=_stacked([image.regions.layers for image in images], np.int8),
        features=_stacked([image.features for image in images], number),
    )


def _stacked(parts: list[Array], dtype: Any) -> Array:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


class JoinedImages(NamedTuple):
    """Arrays of all images of all shards, in the order of the manifest."""

    image_ids: list[str]
    by_name: dict[str, list[Array]]
    """For each array asked for, its part of each image."""

    def sizes(self) -> list[Size]:
        """Sizes of the reduced pictures."""
        return [Size(int(width), int(height)) for width, height in self.by_name["sizes"]]


PER_IMAGE = ("sizes", "counts", "descriptors")


def join_features(paths: Sequence[str | Path], *names: str) -> JoinedImages:
    """The named arrays of all shards, split by image and put back in order; they stay on disk until they are looked at.

    Args:
        paths: files of shards 0, 1, ..., in this order.
        names: of `sizes`, `descriptors`, `boxes`, `roots`, `layers`, `features`.

    Raises:
        ValueError: if the files are not the shards of one data set in order.
    """
    ids: list[list[str]] = []
    parts: dict[str, list[list[Array]]] = {name: [] for name in names}
    for path in paths:
        image_ids, counts = read_arrays(path, "image_ids", "counts")
        arrays = [map_array(path, name) for name in names]
        offsets = starts(counts)
        ids.append([str(name) for name in image_ids])
        for name, array in zip(names, arrays, strict=True):
            if name in PER_IMAGE:
                parts[name].append(list(array))
            else:
                parts[name].append([array[a:b] for a, b in pairwise(offsets)])
    return JoinedImages(_interleaved(ids), {name: _interleaved(found) for name, found in parts.items()})


def _interleaved(shards: list[list[Any]]) -> list[Any]:
    lengths = [len(shard) for shard in shards]
    if sorted(lengths, reverse=True) != lengths or (lengths and lengths[0] - lengths[-1] > 1):
        raise ValueError(f"feature shards of {lengths} images do not belong together or are in the wrong order")
    total = sum(lengths)
    return [shards[position % len(shards)][position // len(shards)] for position in range(total)]


def write_scores(path: str | Path, pairs: Array, blocks: Sequence[Entries], *, halved: bool = False) -> None:
    """Write the scores of a shard's pairs: `pairs` (n, 2) and their entries, one after another.

    Args:
        path: npz file.
        pairs: numbers of the two images of each pair.
        blocks: entries of each pair.
        halved: keep values in float16 over a scale of their pair; a value is then off by at most 2^-11 of itself, and those
            below 2^-29 of the pair's greatest by at most 2^-39 of that.
    """
    values, scales = [block.values for block in blocks], np.ones(len(blocks), dtype=np.float32)
    if halved:
        scales = np.array([_scale(block.values) for block in blocks], dtype=np.float32)
        values = [own / scale for own, scale in zip(values, scales, strict=True)]
    write_arrays(
        path,
        pairs=pairs,
        counts=np.array([len(block.values) for block in blocks], dtype=np.int64),
        rows=_stacked([block.rows for block in blocks], np.uint16),
        columns=_stacked([block.columns for block in blocks], np.uint16),
        values=_stacked(values, np.float16 if halved else np.float32),
        scales=scales,
    )


def _scale(values: NDArray[np.float32]) -> float:
    """A power of two, so that scaling loses nothing, which brings the greatest value to float16's upper end."""
    return float(np.exp2(np.frexp(values.max(initial=0))[1] - 15))


class Scores(NamedTuple):
    """The scores of a shard: pairs of images, and the entries of their blocks, one pair after another."""

    pairs: Array
    """Shape (pairs, 2)."""
    counts: NDArray[np.int64]
    """Entries of each pair."""
    rows: NDArray[np.uint16]
    """Region of the earlier image."""
    columns: NDArray[np.uint16]
    """Region of the later image."""
    values: NDArray[np.float32]


def read_scores(path: str | Path) -> Scores:
    """The scores of a shard, whichever way they were kept.

    Raises:
        ValueError: naming the file, if it is not one of scores.
    """
    pairs, counts, rows, columns, values, scales = read_arrays(
        path, "pairs", "counts", "rows", "columns", "values", "scales"
    )
    if values.dtype == np.float16:
        values = values.astype(np.float32) * np.repeat(scales, counts)
    return Scores(pairs.reshape(-1, 2), counts, rows, columns, values)
