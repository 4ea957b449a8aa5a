"""The folder of a ranking on its way: where the iterations stand, and which inputs they belong to."""

import hashlib
import shutil
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectcrop.identity.finished import FOLDER
from objectcrop.proposals.lod.ranking.graph import Moment
from objectcrop.proposals.lod.shards import read_arrays, write_arrays
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.distributed import World
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import Stopped, StopRequest

INPUTS, LOCK = "inputs.json", "lock"
LAYOUT = 2
"""Raise it when the files of the folder, or the numbers in them, change their meaning."""


def describe_inputs(
    settings: Mapping[str, Any], scores: Sequence[str | Path], offsets: NDArray[np.int64]
) -> dict[str, Any]:
    """What a ranking depends on: settings, regions, and the content of the files of scores.

    Raises:
        ValueError: naming a file of scores that is none.
    """
    return {
        "layout": LAYOUT,
        "settings": dict(settings),
        "regions": hashlib.sha256(np.ascontiguousarray(offsets).tobytes()).hexdigest(),
        "scores": [_content(path) for path in scores],
    }


def _content(path: str | Path) -> list[list[Any]]:
    """Name, bytes and CRC-32 of each array, as the file lists them: to read hundreds of gigabytes twice would take long."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [[member.filename, member.file_size, member.CRC] for member in archive.infolist()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: not a file of scores ({error}); remove it and run its rule again") from error


def open_folder(folder: Path, inputs: Mapping[str, Any], world: World) -> None:
    """Make the folder, or empty it if it belongs to other inputs; all processes call this together."""
    if world.is_first:
        path = folder / INPUTS
        if not path.is_file() or _read_inputs(path) != inputs:
            if path.is_file():
                # its rows of W take more space than all else: they do not stay as a training's state does
                print(
                    f"LOD ranking: removed the state of other settings or scores, {folder}", file=sys.stderr, flush=True
                )
            shutil.rmtree(folder, ignore_errors=True)
            write_json(path, inputs)
    world.wait()


def close_folder(folder: Path) -> None:
    """Remove the rows and the state of a ranking that is recorded; the record stays."""
    for path in folder.iterdir():
        if path.name == FOLDER:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read_inputs(path: Path) -> Any:
    """What the folder belongs to, None if that file is damaged, which is reported."""
    try:
        return read_json(path)
    except ValueError as error:
        print(f"LOD ranking: starts from scratch, as {error}")
        return None


class FileJournal:
    """Saves where a phase stands at intervals, at its end, and when a signal asks to stop.

    Args:
        folder: where to.
        world: the processes; the first one saves.
        stop: set by a signal.
        progress: called at every step; the first process has one.
        every_s: seconds between savings.
    """

    def __init__(
        self, folder: Path, world: World, stop: StopRequest, progress: Progress | None, *, every_s: float = 60.0
    ) -> None:
        self._folder, self._world, self._stop = folder, world, stop
        self._progress, self._every_s = progress, every_s
        self._last = time.monotonic()

    def find(self, phase: str) -> Moment | None:
        """Where an earlier attempt left the phase; a damaged file is reported, and the phase starts again."""
        path = self._folder / f"{phase}.npz"
        if not path.is_file():
            return None
        try:
            vector, iterations, change = read_arrays(path, "vector", "iterations", "last_change", rule="rank_regions")
        except ValueError as error:
            if self._world.is_first:
                print(f"LOD ranking: {phase} starts from step 0, as {error}")
            return None
        if self._progress is not None:
            self._progress.skip(int(iterations))
        return Moment(vector, int(iterations), float(change))

    def keep(self, phase: str, moment: Moment, *, is_last: bool) -> None:
        """Save where the phase stands if it is time to.

        Raises:
            Stopped: after saving, in all processes, when a signal asked one of them.
        """
        if self._progress is not None:
            self._progress.advance(change=moment.last_change)
        is_stopping = self._world.any(bool(self._stop))
        if self._world.is_first and (is_last or is_stopping or time.monotonic() - self._last >= self._every_s):
            self._save(phase, moment)
        if is_stopping:
            if self._world.is_first:
                print(f"LOD ranking: stopped after step {moment.iterations} of {phase}; the same command resumes there")
            raise Stopped(self._stop.exit_code)

    def _save(self, phase: str, moment: Moment) -> None:
        write_arrays(
            self._folder / f"{phase}.npz",
            vector=moment.vector,
            iterations=np.array(moment.iterations),
            last_change=np.array(moment.last_change),
        )
        self._last = time.monotonic()
