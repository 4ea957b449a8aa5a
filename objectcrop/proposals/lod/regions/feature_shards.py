"""The files of features: written image by image, read by image or by run of images. Neither holds a whole shard.

What is read is verified: the arrays of regions by a checksum of each image, as a job reads those of few images; all others
whole, when the first of it is read.

A shard holds images shard, shard + num_shards, ... of the training split, so that together they are in the order of the
manifest whatever the number of shards.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from objectcrop.codes import starts
from objectcrop.proposals.lod.blocks import CHECKSUMS, Blocks, checksum, header_checksum
from objectcrop.proposals.lod.regions.image_regions import ImageRegions
from objectcrop.proposals.lod.shards import StoredArray, array_header, read_arrays, stored_array
from objectcrop.runtime.atomic import replacing

Array = NDArray[Any]
RULE: Final = "extract_features"
REGION_ARRAYS = ("boxes", "roots", "layers", "features")
"""Those with a row for each region, in the order of their checksums."""


class FeatureWriter:
    """Takes the features of a shard's images one after another; made by `writing_features`.

    Args:
        exact: keep region features in float32; projected ones lose nothing by float16.
        stack: closes the files that the arrays grow in.
        folder: where these files are, without a name.
        precision: that the network computed in, for the record.
    """

    def __init__(self, *, exact: bool, stack: ExitStack, folder: Path, precision: str) -> None:
        self._dtypes: dict[str, type] = {
            "image_ids": np.str_,
            "sizes": np.int32,
            "counts": np.int64,
            "descriptors": np.float32,
            "boxes": np.int32,
            "roots": np.int32,
            "layers": np.int8,
            "features": np.float32 if exact else np.float16,
        }
        self._image_ids: list[str] = []
        self._checksums: list[list[int]] = []
        self._precision = precision
        self._files: dict[str, IO[bytes]] = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
            for name in self._dtypes
        }
        self._shapes: dict[str, tuple[int, ...]] = {"sizes": (0, 2), "boxes": (0, 4)}

    def add(self, image_id: str, image: ImageRegions) -> None:
        """Write one image."""
        self._image_ids.append(image_id)
        regions = image.regions
        self._append("sizes", np.array([image.size]))
        self._append("counts", np.array([len(regions.boxes)]))
        self._append("descriptors", image.descriptor[None])
        of_regions: tuple[Array, ...] = (regions.boxes, regions.roots, regions.layers, image.features)
        self._checksums.append([self._append(*named) for named in zip(REGION_ARRAYS, of_regions, strict=True)])

    def _append(self, name: str, rows: Array) -> int:
        """Write rows of an array and return their checksum."""
        stored: Array = np.ascontiguousarray(rows, dtype=self._dtypes[name])
        self._files[name].write(stored.tobytes())
        length = self._shapes.get(name, (0,))[0]
        self._shapes[name] = (length + len(rows), *rows.shape[1:])
        return checksum(stored)

    def save(self, path: Path) -> None:
        """Put the arrays together as an npz file, uncompressed."""
        self._append("image_ids", (ids := np.array(self._image_ids, dtype=np.str_)))
        dtypes = self._dtypes | {"image_ids": ids.dtype}
        shapes = {name: self._shapes.get(name, (0,)) for name in dtypes}
        headers = [header_checksum(shapes[name], dtypes[name]) for name in REGION_ARRAYS]
        last = {"precision": np.array([self._precision]), CHECKSUMS: np.array([headers, *self._checksums], np.uint32)}
        with zipfile.ZipFile(path, "w") as archive:
            for name, file in self._files.items():
                file.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    member.write(array_header(shapes[name], dtypes[name]))
                    shutil.copyfileobj(file, member)
            for name, array in last.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array)


@contextmanager
def writing_features(path: str | Path, *, exact: bool, precision: str = "float32") -> Iterator[FeatureWriter]:
    """Write the features of a shard atomically: the file is there when the block ends without an error.

    Args:
        path: npz file.
        exact: keep region features in float32; projected ones lose nothing by float16.
        precision: that the network computed in, for the record.
    """
    with replacing(path) as aside, ExitStack() as stack:
        writer = FeatureWriter(exact=exact, stack=stack, folder=aside.parent, precision=precision)
        yield writer
        writer.save(aside)


class FeatureShards:
    """The features of all images of all shards, in the order of the manifest; on disk but for what is asked for.

    Args:
        paths: files of shards 0, 1, ..., in this order.

    Attributes:
        image_ids: of all images.
        counts: regions of each image, shape (images,).
        offsets: first region of each image and the number of regions, shape (images + 1,).

    Raises:
        ValueError: if the files are not the shards of one data set in order, and wherever one is read, if it is damaged or of
            a version that stored no checksums, naming it.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._paths = paths
        ids_and_counts = [read_arrays(path, "image_ids", "counts", rule=RULE) for path in paths]
        lengths = [len(ids) for ids, _ in ids_and_counts]
        if sorted(lengths, reverse=True) != lengths or (lengths and lengths[0] - lengths[-1] > 1):
            raise ValueError(f"feature shards of {lengths} images do not belong together or are in the wrong order")
        self.image_ids = [""] * sum(lengths)
        self.counts = np.zeros(sum(lengths), dtype=np.int64)
        for shard, (ids, counts) in enumerate(ids_and_counts):
            self.image_ids[shard :: len(paths)] = ids.tolist()
            self.counts[shard :: len(paths)] = counts
        self.offsets = starts(self.counts)
        self._regions = [
            Blocks(path, REGION_ARRAYS, starts(counts), rule=RULE)
            for path, (_, counts) in zip(paths, ids_and_counts, strict=True)
        ]
        self._stored: dict[tuple[str, int], StoredArray] = {}

    def __len__(self) -> int:
        """Images."""
        return len(self.image_ids)

    @property
    def precision(self) -> str:
        """What the network computed in; of shards made on unlike devices each, joined by "+"."""
        return "+".join(sorted({str(read_arrays(path, "precision", rule=RULE)[0][0]) for path in self._paths}))

    def regions(self, name: str, image: int) -> Array:
        """Return an array of an image's regions, one row each: `boxes`, `roots`, `layers` or `features`."""
        index, shard = divmod(image, len(self._paths))
        return self._regions[shard].read(name, index)

    def images(self, name: str, first: int, last: int) -> Array:
        """Return an array of images first, ..., last - 1, one row each: `sizes` or `descriptors`."""
        like, step = self._array(name, 0), len(self._paths)
        rows = np.empty((last - first, *like.shape[1:]), dtype=like.dtype)
        for shard in range(step):
            # its images are shard, shard + step, ...; this many come before each limit
            begin, end = (-(-max(limit - shard, 0) // step) for limit in (first, last))
            if begin < end:
                rows[shard + begin * step - first :: step] = self._array(name, shard).read(begin, end)
        return rows

    def _array(self, name: str, shard: int) -> StoredArray:
        if (name, shard) not in self._stored:
            self._stored[name, shard] = stored_array(self._paths[shard], name, rule=RULE)
        return self._stored[name, shard]


class Descriptors:
    """The image descriptors of all shards, read by slices of consecutive images."""

    def __init__(self, shards: FeatureShards) -> None:
        self._shards = shards

    def __len__(self) -> int:
        """Images."""
        return len(self._shards)

    def __getitem__(self, images: slice) -> NDArray[np.float32]:
        """Shape (images, dimensions)."""
        first, last, _ = images.indices(len(self))
        return np.asarray(self._shards.images("descriptors", first, last), dtype=np.float32)
