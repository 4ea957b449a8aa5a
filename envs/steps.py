"""The steps of the set-up: what each is made from, what it leaves, and how it is made. Standard library alone."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from interpreters import SetUpError, probe

PACKAGES = ("snakemake", "torch", "torchvision", "detectron2", "cv2", "pandas", "fiftyone")
# one process each: the first pays for torch once, the second runs beside it
_TOGETHER = (("torch", "torchvision", "detectron2"), ("snakemake", "cv2", "pandas", "fiftyone"))
MONGOD = ".setup/mongod/fiftyone/db/bin/mongod"
OUR_DETECTRON2 = "sal-detectron2"
NEEDED_BYTES = 8 * 10**9
_IMPORT = """
import importlib, importlib.metadata as metadata, sys
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        if name == "detectron2":
            import detectron2.model_zoo
            owners = [metadata.distribution(owner) for owner in metadata.packages_distributions().get(name, [])]
            known = ", ".join(f"{owner.name} {owner.version}" for owner in owners) or "of no package"
            says = f"{known} in {module.__path__[0]}"
        elif name == "cv2":
            says = module.__version__ + (" with" if hasattr(module, "ximgproc") else " without") + " contrib"
        else:
            says = metadata.version(name)
        print("imported", name, says, flush=True)
    except Exception as error:
        print("broken", name, f"{type(error).__name__}: {error}".splitlines()[0], flush=True)
"""

# what jobs and tests import, in two processes side by side; every module of ours, which may import others of a package late
_COMPILED = (("objectcrop", "workflow_scripts"), ("snakemake.cli", "pytest", "fiftyone"))
_IMPORT_ALL = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    if name in ("objectcrop", "workflow_scripts"):
        for found in pkgutil.walk_packages(module.__path__, f"{name}."):
            importlib.import_module(found.name)
"""


class Step(NamedTuple):
    """A part of the set-up; `made_from` and `leaves` are paths in the checkout."""

    name: str
    about: str
    made_from: tuple[str, ...]
    leaves: str
    make: Callable[[Path, str], None]  # of the checkout's folder and the interpreter
    in_venv: bool = True

    def key(self, root: Path, version: str) -> str:
        """Changes when the step must be done again: another lock, another Python, a moved checkout (scripts hold its path)."""
        parts = [self.name, version, str(root)]
        parts += [(root / name).read_text(encoding="utf-8") for name in self.made_from]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def environment() -> dict[str, str]:
    """This process's environment, with pip's settings passed on to uv, which does not read pip's settings."""
    strangers = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX")
    kept = {name: value for name, value in os.environ.items() if name not in strangers}
    for ours, pips in (("SSL_CERT_FILE", "PIP_CERT"), ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")):
        if pips in kept:
            kept.setdefault(ours, kept[pips])
    kept.setdefault("UV_HTTP_TIMEOUT", "180")
    return kept | {"UV_PYTHON_DOWNLOADS": "never", "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def execute(*command: str | Path) -> None:
    """Run a command with its output on the terminal.

    Raises:
        SetUpError: if it fails.
    """
    words = [str(word) for word in command]
    status = subprocess.run(words, env=environment(), check=False).returncode
    if status:
        raise SetUpError(f"a command ended with status {status}; it printed why above.\n  {shlex.join(words)}")


def answer(*command: str | Path) -> str:
    """What a command prints.

    Raises:
        SetUpError: if it fails.
    """
    done = subprocess.run(
        [str(word) for word in command], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SetUpError(f"{command[0]} ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def uv(root: Path, *arguments: str | Path) -> None:
    """Run the uv that the set-up installed for itself."""
    execute(root / ".setup/uv/bin/uv", *arguments)


def pip_install(root: Path, lock: str, *options: str | Path) -> None:
    """Install a lock with the set-up's pip, which can take a wheel that names another Python; uv cannot."""
    always = ("--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:")
    execute(root / ".setup/uv/bin/python", "-m", "pip", "install", *always, *options, "-r", root / lock)


def make_uv(root: Path, python: str) -> None:
    """Put uv into a small environment of its own."""
    execute(python, "-m", "venv", "--clear", root / ".setup/uv")
    pip_install(root, "envs/uv.lock")


def make_venv(root: Path, python: str) -> None:
    """Make `.venv`; one of the same Python that works is kept, as packages of the user's own may be in it."""
    own = root / ".venv/bin/python"
    if not own.exists() or probe(str(own)).version != probe(python).version:
        uv(root, "venv", "--quiet", "--clear", "--python", python, root / ".venv")


def install_packages(root: Path, python: str) -> None:
    """Install the lock into `.venv`."""
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        print(f"      warning: {free / 1e9:.1f} GB are free here, the packages take about 7 GB", flush=True)
    uv(
        root,
        "pip",
        "install",
        "--python",
        root / ".venv/bin/python",
        "--require-hashes",
        "-r",
        root / "requirements.lock",
    )


def install_opencv(root: Path, python: str) -> None:
    """Lay OpenCV's contrib build over the plain one of the same version, which FiftyOne asks for by name.

    Both own the folder `cv2`, and the one written last is imported. Installed together their order would be chance; so it is
    a step of its own, made again after every change of the lock.
    """
    options = ("--quiet", "--python", root / ".venv/bin/python", "--no-deps", "--require-hashes", "--reinstall")
    uv(root, "pip", "install", *options, "-r", root / "envs/opencv.lock")


def install_detectron2(root: Path, python: str) -> None:
    """Lay the wheel into `.venv`, unless another detectron2 is there.

    The wheel names Python 3.10 for the sake of one compiled file that the chain does not need; pip needs to know.
    """
    own = root / ".venv/bin/python"
    owners = "import importlib.metadata as m; print(*m.packages_distributions().get('detectron2', []))"
    present = answer(own, "-c", owners)
    if present not in ("", OUR_DETECTRON2):
        print(f"      kept: {present}, which was here before", flush=True)
        return
    folder = answer(own, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    foreign = ("--python-version=3.10", "--implementation=cp", "--abi=none", "--platform=any")
    pip_install(root, "detectron2.lock", *foreign, "--upgrade", "--target", folder)


def install_mongod(root: Path, python: str) -> None:
    """Lay the database server of FiftyOne beside `.venv`."""
    fresh, final = root / ".setup/mongod.new", root / ".setup/mongod"
    shutil.rmtree(fresh, ignore_errors=True)
    pip_install(root, "mongod.lock", "--target", fresh)
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)


def install_project(root: Path, python: str) -> None:
    """Install this project into `.venv`, editable; its needs are in the lock."""
    options = ("--quiet", "--python", root / ".venv/bin/python", "--no-deps", "--no-build-isolation")
    uv(root, "pip", "install", *options, "--editable", root)


def compile_packages(root: Path, python: str) -> None:
    """Leave compiled files beside the sources of all that the workflow's jobs import, by importing it.

    Python does so at a first import unless PYTHONDONTWRITEBYTECODE forbids it, as containers often do; then each of the
    workflow's processes would compile what it imports again: 0.7 s for pandas alone. Compiling every file of every package
    takes twice as long, for tests and templates that nobody imports. What cannot be imported, `verify` names.
    """
    env = {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["FIFTYONE_DO_NOT_TRACK"] = "true"

    def import_all(names: tuple[str, ...]) -> None:
        command = [str(root / ".venv/bin/python"), "-c", _IMPORT_ALL, *names]
        subprocess.run(command, cwd=root, env=env, check=False, capture_output=True)

    with ThreadPoolExecutor() as pool:
        list(pool.map(import_all, _COMPILED))


def verify(root: Path) -> None:
    """Import each package, start mongod, and print what was found.

    Raises:
        SetUpError: naming all packages that do not import.
    """

    def imported(names: tuple[str, ...]) -> str:
        command = [str(root / ".venv/bin/python"), "-W", "ignore", "-c", _IMPORT, *names]
        own = environment() | {"FIFTYONE_DO_NOT_TRACK": "true"}
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False).stdout

    with ThreadPoolExecutor() as pool:
        lines = "".join(pool.map(imported, _TOGETHER)).splitlines()
    broken = []
    for name in PACKAGES:
        # a package may print while it is imported, and may take the process down
        said = [line.split(maxsplit=2) for line in lines if line.startswith((f"imported {name} ", f"broken {name} "))]
        state, _, says = said[-1] if said else ("broken", name, "ended the process that imported it")
        print(f"      {name:12} {says}", flush=True)
        broken += [name] * (state == "broken")
    print(f"      {'mongod':12} {_mongod_says(root)}", flush=True)
    if broken:
        raise SetUpError(f"{', '.join(broken)} cannot be imported. Remove .venv and call this again")


def _mongod_says(root: Path) -> str:
    """Version of mongod, or that it does not start here; inspection alone needs it, so this ends nothing."""
    done = subprocess.run([str(root / MONGOD), "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"does not start here, `make inspect` will say what to do: {done.stderr.strip()}"
    return f"{done.stdout.splitlines()[0].replace('db version v', '')} in {root / MONGOD}"


STEPS = (
    Step("uv", "the installer", ("envs/uv.lock",), ".setup/uv/bin/uv", make_uv, in_venv=False),
    Step("venv", "an empty .venv", (), ".venv/bin/python", make_venv),
    Step("packages", "requirements.lock, the longest step", ("requirements.lock",), ".venv", install_packages),
    Step("opencv", "its contrib build", ("envs/opencv.lock", "requirements.lock"), ".venv", install_opencv),
    Step("detectron2", "detectron2.lock", ("detectron2.lock",), ".venv", install_detectron2),
    Step("mongod", "mongod.lock", ("mongod.lock",), MONGOD, install_mongod, in_venv=False),
    Step("objectcrop", "this project, editable", ("pyproject.toml",), ".venv", install_project),
    Step(
        "compile",
        "what jobs import, once",
        ("requirements.lock", "envs/opencv.lock", "detectron2.lock"),
        ".venv",
        compile_packages,
    ),
)
