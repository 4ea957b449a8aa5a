#!/usr/bin/env python3
"""Make `.venv`: every package of the lock, detectron2, a mongod for FiftyOne, and this project, editable.

`make setup` calls this with the system's Python before anything is installed, so it uses the standard library alone. A step
that is done is recorded in `.setup/done.json` with the hash of what it was made from, and skipped from then on.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from interpreters import SetUpError, find_python
from steps import STEPS, Step, verify

ROOT = Path(__file__).resolve().parents[1]
HOW_TO_GO_ON = """\
How to continue:
  again             the same command; what is done is kept, finished downloads stay in uv's cache
  a proxy           export HTTPS_PROXY=http://PROXY:PORT
  a mirror          export UV_DEFAULT_INDEX=ADDRESS PIP_INDEX_URL=ADDRESS
  own certificates  export SSL_CERT_FILE=FILE PIP_CERT=FILE
  no network        put the files into a folder: export UV_FIND_LINKS=DIR UV_OFFLINE=1 PIP_FIND_LINKS=DIR PIP_NO_INDEX=1
  no room           uv's cache and .venv share files when on one disk: export UV_CACHE_DIR=DIR"""


class Record:
    """What is done in one checkout, kept in `.setup/done.json`."""

    def __init__(self, root: Path) -> None:
        """Read the record, empty if there is none."""
        self.root = root
        self._file = root / ".setup/done.json"
        self._done: dict[str, str] = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}

    @property
    def version(self) -> str:
        """The Python that `.venv` was made with, or nothing."""
        return self._done.get("version", "")

    def due(self, version: str) -> list[Step]:
        """Steps still to do for this Python, in order; without `.venv`, all that goes into it is due."""
        todo = [
            step
            for step in STEPS
            if self._done.get(step.name) != step.key(self.root, version) or not (self.root / step.leaves).exists()
        ]
        if any(step.name == "venv" for step in todo):
            return [step for step in STEPS if step in todo or step.in_venv]
        return todo

    def is_complete(self, version: str) -> bool:
        """Whether all is done and verified for this Python."""
        return self.version == version and "verified" in self._done and not self.due(version)

    def begin(self, steps: list[Step], version: str) -> None:
        """Forget the steps that are made again, so that a break in the middle is noticed."""
        names = {step.name for step in steps} | {"verified"}
        self._done = {name: value for name, value in self._done.items() if name not in names}
        self._write("version", version)

    def finish(self, step: Step) -> None:
        """Note that a step is done."""
        self._write(step.name, step.key(self.root, self.version))

    def finish_all(self) -> None:
        """Note that the whole was verified."""
        self._write("verified", "yes")

    def _write(self, name: str, value: str) -> None:
        self._done[name] = value
        aside = self._file.with_suffix(".new")
        aside.write_text(json.dumps(self._done, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        aside.replace(self._file)


def set_up(root: Path) -> None:
    """Do what is due, step by step, then verify.

    Raises:
        SetUpError: if a step fails.
    """
    record = Record(root)
    # PYTHON may name another Python than the one recorded; only then must it be checked
    version = find_python().version if os.environ.get("PYTHON") else record.version
    if version and record.is_complete(version):
        print(f"set-up: done before ({root / '.venv'}, Python {version})", flush=True)
        return
    started = time.monotonic()
    python = find_python()
    steps = record.due(python.version)
    print(f"set-up with {python.path} (Python {python.version})", flush=True)
    record.begin(steps, python.version)
    for step in steps:
        began = time.monotonic()
        print(f"[{STEPS.index(step) + 1}/{len(STEPS) + 1}] {step.name}: {step.about}", flush=True)
        try:
            step.make(root, python.path)
        except SetUpError as error:
            raise SetUpError(f"set-up stopped at step {step.name} ({step.about}): {error}\n{HOW_TO_GO_ON}") from None
        record.finish(step)
        print(f"      {time.monotonic() - began:.1f} s", flush=True)
    print(f"[{len(STEPS) + 1}/{len(STEPS) + 1}] verify: what is installed", flush=True)
    verify(root)
    record.finish_all()
    print(f"set-up: done in {time.monotonic() - started:.0f} s", flush=True)


@contextlib.contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Hold the lock of this checkout's set-up; a second call waits, and then finds everything done."""
    (root / ".setup").mkdir(exist_ok=True)
    with (root / ".setup/lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: another one is at work in this checkout; waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Set up this checkout; the exit status."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        print(f"error: Linux on x86-64 is needed, this is {platform.system()} on {platform.machine()}", file=sys.stderr)
        return 1
    try:
        with only_one(ROOT):
            set_up(ROOT)
    except SetUpError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: interrupted; the same command resumes where this stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
