"""The manifest: every image of a data set opened once, so that later stages meet none that they cannot read.

Images whose size is not the one that the annotations state are noticed too: their boxes would be elsewhere.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from objectcrop.data.decoders import MAX_PIXELS
from objectcrop.data.images import check_image
from objectcrop.data.readers.registry import list_images, require_distinct_ids
from objectcrop.data.stated_sizes import MISMATCHES, find_mismatches, mismatch_error
from objectcrop.runtime.progress import Progress
from objectcrop.study.settings.datasets import Dataset, OpenImagesDataset
from objectcrop.study.settings.image_files import SizedImageFiles, UserImageFiles
from objectcrop.tables import IMAGE_FILES, MANIFEST, Schema, empty_table

_BATCH = 64
_FEW_BATCHES = 8  # fewer are decoded sooner than a pool of processes starts
UNREADABLE = Schema("unreadable", dict.fromkeys(["image_id", "path", "split", "reason"], "str"))


@dataclass(frozen=True)
class Index:
    """The images of a data set: those that are used, and those that are left out.

    Attributes:
        manifest: the images that are used, as MANIFEST, in the order of the listing.
        unreadable: those that cannot be read: image_id, path, split, reason.
        files: IMAGE_FILES of the manifest's images, in its order.
        mismatched: readable images that have another size than the annotations state, as MISMATCHES.
        modes: how many readable images have each mode of Pillow's (RGB, L, CMYK, ...), as the file has it.
        orientations: how many have each EXIF orientation (1 to 8).
    """

    manifest: pd.DataFrame
    unreadable: pd.DataFrame
    files: pd.DataFrame = field(default_factory=lambda: empty_table(IMAGE_FILES))
    mismatched: pd.DataFrame = field(default_factory=lambda: empty_table(MISMATCHES))
    modes: Mapping[str, int] = field(default_factory=dict)
    orientations: Mapping[int, int] = field(default_factory=dict)

    @property
    def unreadable_share(self) -> float:
        """Unreadable images over all, 0..1."""
        return len(self.unreadable) / max(1, self.num_images)

    @property
    def num_images(self) -> int:
        """All images of the listing."""
        return len(self.unreadable) + len(self.mismatched) + len(self.manifest)


@dataclass(frozen=True)
class _ScannedImage:
    width_px: int
    height_px: int
    num_bytes: int
    mtime_ns: int
    digest: str
    mode: str
    orientation: int
    reason: str  # why the image cannot be read; empty if it can


def index_dataset(
    name: str, dataset: Dataset, root: Path, *, subset: pd.DataFrame | None = None, num_workers: int = 1
) -> Index:
    """Open the images of a data set with files of its own.

    Args:
        name: of the data set.
        dataset: its settings.
        root: the data root.
        subset: images (image_id, split) of an OHMS subset of it, or those of it that were fetched: only these are opened, and
            those that are not there are unreadable.
        num_workers: processes that decode.

    Raises:
        FileNotFoundError: naming every missing file and folder.
        ValueError: if the data set's files are not of their form or lead outside the data root, or, where its settings say that
            this stops, if an image has another size than the annotations state.
    """
    if subset is not None and isinstance(dataset, OpenImagesDataset):
        dataset = dataset.restricted_to(subset["split"].unique())
    listing = list_images(name, dataset, root)
    absent = empty_table(UNREADABLE)
    if subset is not None:
        listing, absent = _select_listed(listing, subset, name=name)
    most = dataset.max_megapixels if isinstance(dataset, UserImageFiles) else MAX_PIXELS / 1e6
    index = index_images(listing, root, num_workers=num_workers, label=f"index {name}", max_megapixels=most)
    if isinstance(dataset, SizedImageFiles) and dataset.size_mismatch == "stop" and len(index.mismatched) > 0:
        raise mismatch_error(name, index.mismatched, num_images=index.num_images)
    return replace(index, unreadable=pd.concat([index.unreadable, absent], ignore_index=True))


def index_images(
    listing: pd.DataFrame,
    root: Path,
    *,
    num_workers: int = 1,
    label: str = "index",
    max_megapixels: float = MAX_PIXELS / 1e6,
) -> Index:
    """Decode every image of a listing (image_id, path relative to `root`, split), with `num_workers` processes.

    Those that state more than `max_megapixels` (millions of pixels) are unreadable.
    Where the listing has stated sizes, images of other sizes are left out of the manifest and listed as mismatched.
    """
    paths = [root / path for path in listing["path"]]
    scanned: list[_ScannedImage] = []
    with Progress(label, total=len(paths), unit="images") as progress:
        for batch in _scan(paths, num_workers, max_megapixels):
            scanned += batch
            progress.advance(len(batch))
    names = [column.name for column in fields(_ScannedImage)]
    properties = pd.DataFrame(scanned, columns=names, index=listing.index)
    table = pd.concat([listing, properties], axis=1)
    readable = table[table["reason"] == ""]
    unreadable = table.loc[table["reason"] != "", list(UNREADABLE.columns)]
    mismatched = find_mismatches(readable)
    used = readable.drop(index=mismatched.index)
    return Index(
        used[list(MANIFEST.columns)].reset_index(drop=True),
        unreadable.reset_index(drop=True),
        used[list(IMAGE_FILES.columns)].reset_index(drop=True),
        mismatched.reset_index(drop=True),
        modes=dict(sorted(Counter(used["mode"]).items())),
        orientations=dict(sorted(Counter(used["orientation"]).items())),
    )


def join_parts(name: str, parts: Sequence[pd.DataFrame], files: Sequence[pd.DataFrame]) -> Index:
    """Return the index of a union from the MANIFESTs and IMAGE_FILES of its parts, one below the other.

    Each part lists its own images that are left out.

    Raises:
        ValueError: if an image id occurs in two parts.
    """
    manifest = pd.concat(parts, ignore_index=True)
    require_distinct_ids(name, manifest)
    return Index(manifest, empty_table(UNREADABLE), pd.concat(files, ignore_index=True))


def summarize(index: Index) -> dict[str, Any]:
    """Return what unreadable.json holds: counts, also of modes and orientations, and the images that are left out, with reasons."""
    return {
        "num_readable": len(index.manifest),
        "num_unreadable": len(index.unreadable),
        "unreadable_share": index.unreadable_share,
        "modes": dict(index.modes),
        "orientations": {str(orientation): count for orientation, count in index.orientations.items()},
        "num_mismatched": len(index.mismatched),
        "unreadable": index.unreadable.to_dict(orient="records"),
        "mismatched": index.mismatched.to_dict(orient="records"),
    }


def require_readable(index: Index, *, name: str, max_share: float) -> None:
    """Check that no more than `max_share` of the images (0..1) are unreadable, and that one is left.

    Raises:
        ValueError: naming the first images that are left out, and their reasons.
    """
    if index.unreadable_share <= max_share and len(index.manifest) > 0:
        return
    if index.unreadable_share <= max_share and len(index.mismatched) > 0:
        raise mismatch_error(name, index.mismatched, num_images=index.num_images)
    rows = index.unreadable.head(5).to_dict(orient="records")
    first = "; ".join(f"{row['path'] or row['image_id']}: {row['reason']}" for row in rows)
    raise ValueError(
        f"data set {name}: {len(index.unreadable)} of {index.num_images} images cannot be read, more than the share "
        f"{max_share:g} that is allowed ({first}); repair or remove them, or raise datasets.{name}.max_unreadable_share"
    )


def _select_listed(listing: pd.DataFrame, subset: pd.DataFrame, *, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the images of a subset (image_id, split) within a listing, and those that it lacks."""
    wanted = subset[["image_id", "split"]].merge(listing, on=["image_id", "split"], how="left", validate="one_to_one")
    absent = wanted["path"].isna()
    lost = wanted.loc[absent].assign(path="", reason=f"no such image in the folders of {name}")
    return wanted.loc[~absent, list(listing.columns)], lost[list(UNREADABLE.columns)]


def _scan(paths: list[Path], num_workers: int, max_megapixels: float) -> Iterator[list[_ScannedImage]]:
    batches = [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]
    scan = partial(_scan_batch, max_megapixels=max_megapixels)
    if num_workers <= 1 or len(batches) < _FEW_BATCHES:
        yield from map(scan, batches)
        return
    # Spawned, not forked: the caller may hold threads (pyarrow's), and a forked child would inherit their locks.
    with ProcessPoolExecutor(num_workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(scan, batches)


def _scan_batch(paths: list[Path], max_megapixels: float) -> list[_ScannedImage]:
    return [_scan_image(path, max_megapixels) for path in paths]


def _scan_image(path: Path, max_megapixels: float) -> _ScannedImage:
    try:
        image = check_image(path, max_megapixels=max_megapixels)
        width, height = image.size
        file = (image.num_bytes, image.mtime_ns, image.digest)
        return _ScannedImage(width, height, *file, image.mode, image.orientation, "")
    except ValueError as error:
        return _unreadable_image(str(error).removeprefix(f"{path}: "))
    except OSError as error:
        return _unreadable_image(error.strerror or str(error).removeprefix(f"{path}: "))


def _unreadable_image(reason: str) -> _ScannedImage:
    return _ScannedImage(0, 0, 0, 0, "", "", 0, reason)
