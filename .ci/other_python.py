"""Set up, check and run the fast tests on every Python that the project allows but `.venv`'s own, each in a copy of the checkout.

Arguments are folders of tests, all by default. The copies stay in `build/`, so that a second call finds its packages
installed. Standard library alone.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKS = ["snakemake"]
"""What depends on the Python that runs it: mypy checks for the version that pyproject.toml names, drift is among the fast tests,
and the others read text."""
sys.path.insert(0, str(ROOT / "envs"))

from interpreters import VERSIONS, candidates, probe  # noqa: E402  of the set-up, which is no package


def find(version: str) -> str | None:
    """Return the first Python of a version that can be used, None if there is none."""
    found = (path for path in dict.fromkeys(candidates()) if probe(path)[1:] == (version, ""))
    return next(found, None)


def listed(folder: Path) -> list[str]:
    """Return what git holds of a folder, or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if (folder / name).is_file()]


def copy(target: Path) -> None:
    """Make `target` a repository of its own with the files of this checkout; what is installed in it stays."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)  # noqa: S607 (the user's own git)
    for name in listed(target):
        (target / name).unlink()
    for name in listed(ROOT):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def run(version: str, python: str) -> bool:
    """Set up, check and test on one Python; whether all went well."""
    folder = ROOT / "build" / f"python{version}"
    copy(folder)
    environment = os.environ | {"PYTHON": python}
    own = str(folder / ".venv/bin/python")
    if subprocess.run([sys.executable, "envs/set_up.py"], cwd=folder, env=environment, check=False).returncode:
        return False
    # both, even if the first fails
    commands = ([".ci/check.py", *CHECKS], [".ci/fast_tests.py", *sys.argv[1:]])
    codes = [subprocess.run([own, *command], cwd=folder, check=False).returncode for command in commands]
    return not any(codes)


def main() -> int:
    """Go through the versions; the exit status."""
    own = probe(str(ROOT / ".venv/bin/python")).version
    failed = []
    for version in sorted(set(VERSIONS) - {own}):
        python = find(version)
        if python is None:
            print(
                f"Python {version}: SKIPPED, none is on PATH or in pyenv's folders that has its venv module", flush=True
            )
            continue
        print(f"Python {version}: set-up, checks and fast tests with {python}", flush=True)
        passed = run(version, python)
        print(f"Python {version}: {'passed' if passed else 'FAILED'}", flush=True)
        failed += [] if passed else [version]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
