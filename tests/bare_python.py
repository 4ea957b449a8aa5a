"""A Python that has some of the packages installed here and what they need, and no other."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

GPU_NODE = (
    *("torch", "torchvision", "numpy", "scipy", "pandas", "pyarrow", "pillow", "opencv-python-headless"),
    *("pydantic", "numba"),
)
"""What a bare GPU node has."""
_START = "import sys; sys.path += {paths!r}; sys.argv = {argv!r}\n"


def run(
    packages: Iterable[str], folder: Path, root: Path, code: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run code in `folder`; the packages are linked into `folder`/site, and the checkout at `root` can be imported."""
    site = folder / "site"
    if not site.exists():
        site.mkdir()
        _link(packages, site)
    start = _START.format(paths=[str(root), str(site)], argv=["bare", *arguments])
    # -S: without the folder of this environment's packages
    command = [sys.executable, "-I", "-S", "-c", start + code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _link(packages: Iterable[str], site: Path) -> None:
    todo, seen = list(packages), set()
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
