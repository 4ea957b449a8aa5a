"""The folder of a ranking on its way: where the iterations stand, and which inputs they belong to."""

import hashlib
import re
import shutil
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectcrop.identity.finished import FOLDER, unused_path
from objectcrop.identity.record import identity
from objectcrop.proposals.lod.ranking.graph import Moment
from objectcrop.proposals.lod.shards import read_arrays, write_arrays
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.distributed import World
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.section import settings_hash

INPUTS, LOCK = "inputs.json", "lock"
LAYOUT = 3
"""Raise it when the files of the folder, or the numbers in them, change their meaning."""


def ranking_identity(
    settings: Mapping[str, Any],
    scores: Sequence[str | Path],
    offsets: NDArray[np.int64],
    image_ids: Sequence[str],
) -> str:
    """Return the identity of a ranking: equal ones give the same bits.

    Args:
        settings: that it goes by.
        scores: npz of every shard of scores.
        offsets: first region of each image and the number of regions, shape (images + 1,).
        image_ids: of the images.

    Raises:
        ValueError: naming a file of scores that is none.
    """
    contents = {
        "regions": [hashlib.sha256(np.ascontiguousarray(offsets).tobytes()).hexdigest()],
        "images": [settings_hash({"ids": list(image_ids)})],
        "scores": [_content(path) for path in scores],
    }
    return identity("rank_regions", {"layout": LAYOUT, **settings}, {}, contents)


def _content(path: str | Path) -> str:
    """Digest of name, bytes and CRC-32 of each array, as the file lists them: to read hundreds of gigabytes twice takes long."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [[member.filename, member.file_size, member.CRC] for member in archive.infolist()]
            return settings_hash({"arrays": arrays})
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: not a file of scores ({error}); remove it and run its rule again") from error


def open_folder(folder: Path, ranking: str, world: World) -> None:
    """Make the folder of a ranking's state; one of another ranking is moved aside. All processes call this together.

    Args:
        folder: of rows, state and record.
        ranking: its identity.
        world: the processes.
    """
    if world.is_first:
        path = folder / INPUTS
        stored = _read_identity(path) if path.is_file() else None
        if stored != ranking:
            if stored is not None:
                _set_aside(folder, unused_path(folder.with_name(f"{folder.name}.stale-{stored}")))
            shutil.rmtree(folder, ignore_errors=True)
            write_json(path, {"identity": ranking})
    world.wait()


def _set_aside(folder: Path, target: Path) -> None:
    """Move what a ranking has computed; its rows of W take more space than all else, and can be made again."""
    target.mkdir()
    for path in folder.iterdir():
        if path.is_file() or path.name == FOLDER:
            path.rename(target / path.name)
    print(
        f"LOD ranking: {folder} was of other settings or scores; its state is moved to {target}, its rows of W are removed",
        file=sys.stderr,
        flush=True,
    )


def close_folder(folder: Path) -> None:
    """Remove the rows and the state of a ranking that is recorded; the record stays."""
    for path in folder.iterdir():
        if path.name == FOLDER:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read_identity(path: Path) -> str | None:
    """Whose folder it is, None if that file is damaged, which is reported."""
    try:
        value = read_json(path)
        if not isinstance(value, dict) or not re.fullmatch(r"[0-9a-f]{16}", str(value.get("identity"))):
            raise ValueError(f"{path}: expected the identity of a ranking")
    except ValueError as error:
        print(f"LOD ranking: starts from scratch, as {error}")
        return None
    return str(value["identity"])


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
