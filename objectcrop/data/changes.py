"""Lists of what changed under the data root: where one is young, Snakemake indexes again. Light, as planning calls it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from objectcrop.runtime.atomic import write_json


class Watched(NamedTuple):
    """The files of a data set that say what was indexed and read, the lists to write, and where the data set is."""

    manifest: Path
    files: Path
    annotations: Path
    changed_images: Path
    changed_annotations: Path
    data_root: Path


def note_changes(datasets: Iterable[Watched], *, is_checked: bool) -> None:
    """Write the lists of each data set of which something changed, and of each that has none yet.

    Args:
        datasets: those of a study.
        is_checked: whether to look; lists that are missing are written anyway.
    """
    for dataset in datasets:
        _note(dataset.changed_images, dataset.manifest, _images(dataset) if is_checked else [])
        _note(dataset.changed_annotations, dataset.annotations, _annotations(dataset) if is_checked else [])


def _note(path: Path, made: Path, changed: list[str]) -> None:
    """Write a list that is younger than what was `made` if something changed, and older if nothing did."""
    if changed or not path.is_file():
        write_json(path, {"changed": changed})
    elif made.is_file() and path.stat().st_mtime_ns > made.stat().st_mtime_ns:
        # what had changed was put back, and is what was indexed
        write_json(path, {"changed": []})
        before = made.stat().st_mtime_ns - 1
        os.utime(path, ns=(before, before))


def _images(dataset: Watched) -> list[str]:
    if not dataset.manifest.is_file() or not dataset.files.is_file():
        return []
    from objectcrop.data.watch import changed_images  # pandas: half a second that a first planning does not need
    from objectcrop.tables import IMAGE_FILES, MANIFEST, read_table

    files, manifest = read_table(dataset.files, IMAGE_FILES), read_table(dataset.manifest, MANIFEST)
    return changed_images(files, manifest, dataset.data_root)


def _annotations(dataset: Watched) -> list[str]:
    if not dataset.annotations.is_file():
        return []
    from objectcrop.data.watch import changed_annotations

    return changed_annotations(dataset.annotations, dataset.data_root)
