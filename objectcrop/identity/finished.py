"""What a finished job leaves beside its state: its outputs once more, so that the same job need not compute them again.

Snakemake removes the outputs of a job that it runs again. A job that outlived its Snakemake has removed its last state when
it ended. Without this record the job would start from scratch.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from objectcrop.runtime.atomic import read_json, replacing, write_json
from objectcrop.runtime.checksum import file_sha256

FOLDER, RECORD = "finished", "record.json"


@dataclass(frozen=True)
class Origin:
    """What the outputs of a job depend on.

    Attributes:
        state: hash of settings and data, that of the job's states.
        code: digest of the code; empty if the job was not given one.
    """

    state: str
    code: str


@dataclass(frozen=True)
class Finished:
    """The record of a finished job, in the folder of its states.

    Attributes:
        states: folder of the states.
        origin: what the outputs depend on.
        outputs: files that the job writes, each under its name in the record.
    """

    states: Path
    origin: Origin
    outputs: Mapping[str, Path]

    def restore(self) -> bool:
        """Write the outputs again if the record is of this job; return whether it is.

        Every process of a job may call it: all get the same answer, and the first one writes. Damage is reported on standard
        error, and the answer is then no.
        """
        if not (self.states / FOLDER / RECORD).is_file():
            return False
        origin = stored_origin(self.states)
        damaged = self.states / FOLDER / RECORD if origin is None else self._damaged()
        if origin in (None, self.origin) and damaged is not None:
            _say(f"warning: {damaged}: damaged; it is not used, the job computes again")
        if origin != self.origin or damaged is not None:
            return False
        if is_first_process():
            for name, output in self.outputs.items():
                _copy(self.states / FOLDER / name, output)
        _say(f"{self.states}: the job was finished before, its outputs are written again from its record")
        return True

    def keep(self) -> None:
        """Record the outputs, which are written; the record counts once it is whole."""
        folder = self.states / FOLDER
        (folder / RECORD).unlink(missing_ok=True)
        for name, output in self.outputs.items():
            _copy(output, folder / name)
        files = {name: file_sha256(folder / name) for name in self.outputs}
        write_json(folder / RECORD, {"state": self.origin.state, "code": self.origin.code, "files": files})

    def set_aside(self) -> Path | None:
        """Move the record of another job aside, as `<states>.stale-<its hash>`; return its new place, or None."""
        origin = stored_origin(self.states)
        if origin in (None, self.origin) or not is_first_process():
            return None
        target = unused_path(self.states.with_name(f"{self.states.name}.stale-{origin.state}"))
        target.mkdir()
        (self.states / FOLDER).rename(target / FOLDER)
        _say(f"{self.states}: the finished job was of other settings, data or code, its record is moved to {target}")
        return target

    def _damaged(self) -> Path | None:
        """Return the first file of the record whose bytes are not those that were recorded, if there is one."""
        folder = self.states / FOLDER
        digests = read_json(folder / RECORD)["files"]
        files = [folder / name for name in self.outputs]
        return next((file for file in files if not file.is_file() or file_sha256(file) != digests.get(file.name)), None)


def stored_origin(states: Path) -> Origin | None:
    """Return what the finished job of a folder of states was; None if there is none, or its record is damaged."""
    path = states / FOLDER / RECORD
    try:
        record = read_json(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if (
        not isinstance(record, dict)
        or record.keys() != {"state", "code", "files"}
        or not isinstance(record["files"], dict)
    ):
        return None
    values = record["state"], record["code"]
    # a flipped bit must not become part of a path
    if not all(isinstance(value, str) and re.fullmatch(r"[\w-]*", value, re.ASCII) for value in values):
        return None
    return Origin(*values)


def unused_path(path: Path) -> Path:
    """Return the path, or with the first of -2, -3, ... that nothing has yet."""
    candidate, number = path, 1
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def is_first_process() -> bool:
    """Return whether this process is the one that writes: the first of torchrun's, or one without torchrun."""
    return os.environ.get("RANK", "0") == "0"


def _say(text: str) -> None:
    if is_first_process():
        print(text, file=sys.stderr, flush=True)


def _copy(source: Path, target: Path) -> None:
    # no hard link: bytes that rot in an output would rot in the record
    with replacing(target) as aside:
        shutil.copyfile(source, aside)
