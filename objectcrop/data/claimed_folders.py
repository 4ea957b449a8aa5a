"""Folders under the data root that the project fills itself: only what the same settings and code made stays in them."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectcrop.runtime.atomic import read_json, write_json


def claim_folder(stamp_file: Path, stamp: Mapping[str, Any], *, made: str) -> None:
    """Empty a folder that other settings or other code filled, and write the stamp of these.

    Args:
        stamp_file: in the folder.
        stamp: settings and code, as JSON holds them.
        made: what the folder holds, as in "it holds files that were not made here".

    Raises:
        ValueError: if the folder holds something and no stamp.
    """
    folder = stamp_file.parent
    if stamp_file.is_file():
        if read_json(stamp_file) == stamp:
            return
        shutil.rmtree(folder)
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(
            f"{folder}: the folder of {made} holds files but no {stamp_file.name}, so they were not made here; "
            "move them away, or give the data set another name"
        )
    write_json(stamp_file, stamp)
