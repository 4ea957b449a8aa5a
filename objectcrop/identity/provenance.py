"""What a result was made with."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "torchvision",
    "sal-detectron2",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pillow",
    "opencv-python-headless",
    "snakemake",
    "fiftyone",
)


def provenance() -> dict[str, Any]:
    """Return the versions of Python and the packages, the platform, and the git commit of the code (None outside a checkout)."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
        "versions": {name: installed for name in PACKAGES if (installed := _version(name)) is not None},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 (the user's own git)
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None
