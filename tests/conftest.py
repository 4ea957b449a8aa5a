"""Fixtures that every room uses; among them a copy of the checkout that tests may edit, and one whole tiny run in it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch is imported: two workers share two cores, and threads that wait for each other wait busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Inductor's cache does not tell kernels of one instruction set from those of another, and mixed ones crash.
_CACHE = f"objectcrop-inductor-{os.environ.get('ATEN_CPU_CAPABILITY', 'native')}"
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / _CACHE))

# Laws are about values: on a busy machine a case may take any time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Hear SIGINT: shells start background jobs (`make test &`) deaf to it, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The read-only folder beside the project, with specifications and real photographs."""
    folder = ROOT.parent / "shared"
    if not (folder / "spec").is_dir():
        pytest.skip("../shared is not here: it holds the goldens and real photographs, and is not part of the project")
    return folder


class Workflow:
    """Snakemake in one copy of the checkout."""

    tiny = ("--configfile", "presets/tiny.yaml")

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        # the copy must be imported, not the checkout that is installed editable
        return os.environ | {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}

    def run(self, *arguments: str, check: bool = True, timeout_s: float = 1200) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs that a dry run plans, by rule; empty if there is nothing to do."""
        done = self.run(*arguments, "--dry-run", "--workflow-profile", "none")
        text = done.stdout + done.stderr
        if "Nothing to be done" in text:
            return {}
        stats = text.split("Job stats:")[1].split("total")[0]
        return {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", stats, flags=re.MULTILINE)}

    @contextmanager
    def edited(self, file: str, old: str, new: str) -> Iterator[None]:
        """Replace text in a file for the length of the block."""
        path = self.folder / file
        before = path.read_text(encoding="utf-8")
        assert before.count(old) >= 1, f"{file} no longer holds {old!r}: mend this test"
        path.write_text(before.replace(old, new, 1), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")


def copied(root: Path, target: Path) -> Path:
    """What git tracks, and what is new and not ignored, copied to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target / name)
    return target


@pytest.fixture(scope="session")
def workflow(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Snakemake in a copy without results."""
    return Workflow(copied(root, tmp_path_factory.mktemp("planned")))


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Snakemake in a copy in which the whole tiny study has run."""
    found = Workflow(copied(root, tmp_path_factory.mktemp("finished")))
    found.run(*Workflow.tiny)
    return found


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch computes with one thread: sums are taken in one order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
