"""A GPU node with torch and the packages of arrays, and no other: the packages installed here, less all that it lacks."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = [
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pillow",
    "opencv-python-headless",
    "pydantic",
    "numba",
]
START = "import sys; sys.path += {paths!r}; sys.argv = {argv!r}\n"


def run(folder: Path, root: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code on the node; its packages are linked into `folder`."""
    site = folder / "site"
    if not site.exists():
        site.mkdir()
        _link(site)
    start = START.format(paths=[str(root), str(site)], argv=["bare", *arguments])
    # -S: without the folder of this environment's packages
    command = [sys.executable, "-I", "-S", "-c", start + code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _link(site: Path) -> None:
    todo, seen = list(PACKAGES), set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            package = distribution(name)
        except PackageNotFoundError:  # of another system
            continue
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(package.locate_file(top))
        needs = [Requirement(text) for text in package.requires or ()]
        todo += [need.name for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
