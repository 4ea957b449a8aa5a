"""Lists of what changed under the data root, whose age tells Snakemake to index a data set again. Light, as planning calls it."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from objectcrop.runtime.atomic import write_json


class Watched(NamedTuple):
    """The files of a data set that say what was indexed and read, the list to write, and where the data set is."""

    manifest: Path
    files: Path
    annotations: Path
    list: Path
    data_root: Path


def note_changes(datasets: Iterable[Watched], *, is_checked: bool) -> None:
    """Write the list of each data set of which something changed, and of each that has none yet.

    Args:
        datasets: those of a study.
        is_checked: whether to look; lists that are missing are written anyway.
    """
    for watched in datasets:
        changed: list[str] = []
        if is_checked and watched.manifest.is_file():
            from objectcrop.data.watch import (
                changed_sources,  # pandas: half a second that a first planning does not need
            )

            changed = changed_sources(watched.manifest, watched.files, watched.annotations, watched.data_root)
        if changed or not watched.list.is_file():
            write_json(watched.list, {"changed": changed})
