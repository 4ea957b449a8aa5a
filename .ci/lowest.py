"""Run the fast tests of the rooms that compute with the lowest versions that `pyproject.toml` allows.

The environment is made in `build/lowest` by the set-up's uv; tools of the tests have the versions of the lock.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from fast_tests import FAST

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "envs"))

from write_conda import locked_versions  # noqa: E402  of the set-up, which is no package

FOLDER = ROOT / "build/lowest"
PYTHON = FOLDER / ".venv/bin/python"
UV = ROOT / ".setup/uv/bin/uv"
TOOLS = (
    *("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "scikit-learn", "lightly", "pycocotools"),
    *("safetensors", "timm", "pyyaml", "matplotlib", "jinja2", "tensorboard", "packaging"),
)
ROOMS = (
    *("tests/test_boxes.py", "tests/test_tables.py", "tests/test_ohms.py", "tests/test_ohms_laws.py"),
    *("tests/data", "tests/proposals"),
    *(
        "tests/views",
        "tests/ssl",
        "tests/evaluate/linear",
        "tests/evaluate/test_average_precision.py",
        "tests/report",
        "tests/runtime",
        "tests/study",
    ),
)


def uv(*arguments: str | Path) -> None:
    """Run uv; its output goes to the terminal."""
    subprocess.run([UV, *arguments], check=True, env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"})


def lowest_versions() -> Path:
    """Write which versions are the lowest, and print those that the project asks for; the file."""
    locked = locked_versions()
    tools, chosen = FOLDER / "tools.in", FOLDER / "requirements.txt"
    tools.write_text("".join(f"{name}=={locked[name]}\n" for name in TOOLS), encoding="utf-8")
    chosen.unlink(missing_ok=True)  # else its versions would be kept
    plain = ("--quiet", "--no-header", "--no-annotate", "--resolution", "lowest-direct", "--python", sys.executable)
    uv("pip", "compile", ROOT / "pyproject.toml", tools, "--output-file", chosen, *plain)
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = [text.split(">=")[0] for text in asked]
    pins = dict(line.split("==") for line in chosen.read_text(encoding="utf-8").splitlines() if "==" in line)
    print("lowest: " + ", ".join(f"{name} {pins[name].split(' ')[0]}" for name in names), flush=True)
    # as the set-up does: the contrib build has the searches for boxes
    text = chosen.read_text(encoding="utf-8")
    chosen.write_text(text.replace("opencv-python-headless", "opencv-contrib-python-headless"), encoding="utf-8")
    return chosen


def main() -> int:
    """Install and test; the exit status of the tests."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = lowest_versions()
    uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, FOLDER / ".venv")
    uv("pip", "sync", "--quiet", "--python", PYTHON, chosen)
    command = [
        str(PYTHON),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-m",
        FAST,
    ]
    return subprocess.run([*command, *ROOMS], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
