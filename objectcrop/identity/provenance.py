"""What a result was made with."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from objectcrop.identity.machine import describe_device

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
    "numba",
    "pydantic",
    "pycocotools",
    "faster-coco-eval",
    "snakemake",
    "fiftyone",
)


def provenance() -> dict[str, Any]:
    """Return what this process ran with: versions, platform, device, and the code's place in git.

    Returns:
        `python`, `platform`, `versions` of the packages that are installed; `commit`, for people, and `revision`, all its digits;
        `is_dirty`, whether a tracked file was changed since (these three are None outside a checkout); `device`, see
        `describe_device`.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "commit": (commit := _git("describe", "--always", "--dirty")),
        "revision": _git("rev-parse", "HEAD"),
        "is_dirty": None if commit is None else commit.endswith("-dirty"),
        "versions": {name: installed for name in PACKAGES if (installed := _version(name)) is not None},
        "device": describe_device(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*words: str) -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    answer = subprocess.run(
        ["git", *words],  # noqa: S607 (the user's own git)
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None
