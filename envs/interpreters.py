"""Find a Python that the project runs on. Standard library alone: nothing is installed yet."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VERSIONS = ("3.11", "3.12")
_PROBE = "import sys; print('%d.%d' % sys.version_info[:2]); import ensurepip, venv"


class SetUpError(Exception):
    """The set-up cannot continue; the message says why and what to do."""


class Interpreter(NamedTuple):
    """A Python that was run: its version ("3.11"), or what is wrong with it."""

    path: str
    version: str
    problem: str


def probe(path: str) -> Interpreter:
    """Run a Python: a pyenv shim may exist and not work, and venv is a package of its own on Debian."""
    try:
        done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
    except OSError as error:
        return Interpreter(path, "", f"does not run: {error.strerror}")
    version = (done.stdout.split() or [""])[0]
    if not re.fullmatch(r"\d+\.\d+", version):
        lines = done.stderr.strip().splitlines() or ["it prints nothing"]
        return Interpreter(path, "", f"does not run: {lines[0]}")
    if version not in VERSIONS:
        return Interpreter(path, version, f"is Python {version}")
    if done.returncode:
        return Interpreter(path, version, f"has no venv module; on Debian and Ubuntu: apt install python{version}-venv")
    return Interpreter(path, version, "")


def candidates() -> Iterator[str]:
    """Paths to try, best first: PYTHON alone if it is set; else what is on PATH; else pyenv's own folders."""
    wanted = os.environ.get("PYTHON")
    if wanted:
        yield shutil.which(wanted) or wanted
        return
    for name in (*(f"python{version}" for version in VERSIONS), "python3"):
        for folder in os.get_exec_path():
            found = shutil.which(name, path=folder)
            if found:
                yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in VERSIONS:
        yield from map(str, sorted(pyenv.glob(f"{version}.*/bin/python3"), reverse=True))


def find_python() -> Interpreter:
    """The first Python that can be used.

    Raises:
        SetUpError: if there is none; the message lists what was found.
    """
    tried = []
    for path in dict.fromkeys(candidates()):
        interpreter = probe(path)
        if not interpreter.problem:
            return interpreter
        tried.append(f"  {path} {interpreter.problem}")
    found = "\n".join(tried) or "  none"
    raise SetUpError(
        f"Python {' or '.join(VERSIONS)} is needed. Found:\n{found}\n"
        "Install one, or name one that is not on PATH: make setup PYTHON=/path/to/python3.11"
    )
