"""Write the conda files beside this script from requirements.lock: one environment per door of the library.

They are for `snakemake --sdm conda`; the default run does not need them. A test holds them equal to the lock.
"""

import re
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.11"

BASE = (
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "pyarrow",
    "pillow",
    "opencv-contrib-python-headless",
    "pydantic",
    "pyyaml",
    "urllib3",
    "tqdm",
    "matplotlib",
    "jinja2",
)
TORCH = (*BASE, "torch", "torchvision", "safetensors", "tensorboard", "nvidia-nvimgcodec-cu13")
DETECTRON2 = (
    *TORCH,
    "fvcore",
    "iopath",
    "omegaconf",
    "hydra-core",
    "pycocotools",
    "faster-coco-eval",
    "termcolor",
    "yacs",
    "tabulate",
    "cloudpickle",
    "setuptools",
)
# FiftyOne asks for the plain build, which owns the same files as the contrib build: never both
PLAIN = tuple(name.replace("opencv-contrib-python", "opencv-python") for name in BASE)
FIFTYONE = (*PLAIN, "fiftyone", "fiftyone-db", "pymongo", "scikit-learn")
DOORS = {"base": BASE, "torch": TORCH, "detectron2": DETECTRON2, "fiftyone": FIFTYONE}


def pins(lock: str, python: str) -> dict[str, str]:
    """Version of every package that a lock gives to one Python on Linux (x86-64)."""
    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
    }
    found = {}
    for name, version, marker in re.findall(r"^([\w.-]+)==(\S+)(?: ; (.+?))? \\$", lock, flags=re.MULTILINE):
        if not marker or Marker(marker).evaluate(here):
            found[name] = version
    return found


def conda_file(names: tuple[str, ...], versions: dict[str, str]) -> str:
    """Text of the conda file that holds these packages at the lock's versions."""
    lines = [
        "# Written by envs/write_conda.py from requirements.lock.",
        "channels: [conda-forge, nodefaults]",
        "dependencies:",
        f"  - python={PYTHON}",
        "  - pip",
        "  - pip:",
        *(f"      - {name}=={versions[name]}" for name in names),
    ]
    return "\n".join(lines) + "\n"


def locked_versions() -> dict[str, str]:
    """Versions of the lock, and of OpenCV's contrib build."""
    found: dict[str, str] = {}
    for lock in ("requirements.lock", "envs/opencv.lock"):
        found |= pins((ROOT / lock).read_text(encoding="utf-8"), PYTHON)
    return found


def main() -> None:
    """Write every file."""
    versions = locked_versions()
    for door, names in DOORS.items():
        (ROOT / f"envs/{door}.yaml").write_text(conda_file(names, versions), encoding="utf-8")


if __name__ == "__main__":
    main()
