"""Which images, and which annotations, are no longer those that were indexed and read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from objectcrop.data.digests import file_digest
from objectcrop.data.many_files import ask_each
from objectcrop.identity.record import Record, read_record, sha256_of, stamp_of
from objectcrop.tables import IMAGE_FILES, MANIFEST, read_table

MAX_NAMED = 3

if TYPE_CHECKING:
    import pandas as pd  # whoever has tables has imported it; a planning without images need not wait for it


def changed_images(files: "pd.DataFrame", manifest: "pd.DataFrame", data_root: Path) -> list[str]:
    """Return the paths of the images that changed since they were indexed, sorted.

    Changed is an image that is gone or can no longer be opened, has another size, or has another time of change and other
    bytes: `touch`, or a copy of the whole data set, changes nothing. Only images with another time of change are read.

    Args:
        files: IMAGE_FILES of the data set.
        manifest: MANIFEST that was written with it, row by row of the same images.
        data_root: what the paths start from.

    Raises:
        ValueError: if the two tables are not of one indexing.
    """
    if files["path"].tolist() != manifest["path"].tolist():
        raise ValueError(
            f"the list of image files ({len(files)} rows) and the manifest ({len(manifest)} rows) are not of one indexing; "
            "run index_images again"
        )
    # Text of the root once: joining Paths would take longer than all the rest.
    root = f"{data_root}{os.sep}"
    columns = (files["path"], files["num_bytes"], files["mtime_ns"], manifest["digest"])
    rows = list(zip(*(column.tolist() for column in columns), strict=True))

    def is_changed(row: tuple[str, int, int, str]) -> bool:
        path, num_bytes, mtime_ns, digest = row
        try:
            status = os.stat(root + path)
            if status.st_size != num_bytes:
                return True
            return status.st_mtime_ns != mtime_ns and file_digest(root + path) != digest
        except OSError:  # gone, or no longer to be opened: not what was indexed
            return True

    return sorted({row[0] for row, changed in zip(rows, ask_each(is_changed, rows), strict=True) if changed})


def images_behind(data_root: Path | None = None) -> Callable[[Record], str | None]:
    """Return a function that says of the record of a manifest which of the images behind it changed, None if none did.

    Args:
        data_root: where images are now; None is where they were.
    """

    def changes(record: Record) -> str | None:
        files = [name for name in record.story["outputs"] if Path(name).name == "files.parquet"]
        if (
            record.rule != "index_images"
            or Path(record.file).name != "manifest.parquet"
            or not Path(files[0]).is_file()
        ):
            return None
        root = Path(record.story["data_root"]) if data_root is None else data_root
        changed = changed_images(read_table(files[0], IMAGE_FILES), read_table(record.file, MANIFEST), root)
        if not changed:
            return None
        named = ", ".join(changed[:MAX_NAMED]) + (", ..." if len(changed) > MAX_NAMED else "")
        return f"lists {len(changed)} image(s) that changed since ({named}): run snakemake again"

    return changes


def changed_annotations(annotations: Path, data_root: Path) -> list[str]:
    """Return the files and folders that annotations were read from and that changed since.

    Args:
        annotations: ANNOTATIONS, whose record names what they were read from; without one nothing is known to have changed.
        data_root: where the data set is now.
    """
    record = read_record(annotations)
    if record is None:
        return []
    changed = []
    for entry in record.inputs.get("outside", []):
        place = data_root / Path(entry.path).relative_to(record.story["data_root"])
        if not place.exists() or (stamp_of(place) != entry.stamp and sha256_of(place) != entry.sha256):
            changed.append(place.as_posix())
    return changed
