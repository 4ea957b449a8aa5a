"""Which images are no longer those that were indexed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from objectcrop.data.digests import file_digest
from objectcrop.data.many_files import ask_each

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
