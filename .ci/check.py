"""Run the checks of the house, all or those named, two at a time, and list at the end which failed.

`make check` and the pre-commit hooks call this, so that both do the same.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
LARGEST_FILE_BYTES = 500_000

# Generated files, and what no tool checks.
DRIFT = "tests/study/test_reference.py tests/test_docs.py tests/test_envs.py tests/test_house.py tests/test_results.py"

# The longest first; each is a command of .venv/bin.
CHECKS = {
    "types": "mypy",
    "drift": f"pytest -q -p no:cacheprovider {DRIFT}",
    "snakemake": "snakemake --lint",
    "audit": "python .ci/audit.py dependencies",
    "bandit": "python .ci/audit.py bandit",
    "snakefmt": "snakefmt --check Snakefile rules",
    "contracts": "lint-imports",
    "lint": "ruff check .",
    "format": "ruff format --check .",
    "spelling": "codespell",
    "sizes": f"python {Path(__file__).relative_to(ROOT)} --sizes",
}


class Outcome(NamedTuple):
    """How a check ended."""

    name: str
    passed: bool
    output: str
    seconds: float

    @property
    def word(self) -> str:
        """Whether it passed, failed, or says that it could not be done here."""
        if not self.passed:
            return "FAILED"
        return "SKIPPED" if self.output.startswith("SKIPPED") else "ok"


def check(name: str) -> Outcome:
    """Run one check."""
    program, *arguments = CHECKS[name].split()
    # tools that call others, as lint does with python, must find those of .venv
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    started = time.monotonic()
    done = subprocess.run(
        [str(BIN / program), *arguments],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(name, done.returncode == 0, done.stdout, time.monotonic() - started)


def large_files() -> list[str]:
    """Files that git holds, or would take, and that are too large for it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    sizes = {name: (ROOT / name).stat().st_size for name in listed if (ROOT / name).is_file()}
    return [f"{name}: {size} bytes" for name, size in sizes.items() if size > LARGEST_FILE_BYTES]


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CHECKS)}; all by default")
    parser.add_argument("--without", nargs="+", default=[], help="leave these out")
    parser.add_argument("--sizes", action="store_true", help=f"list files above {LARGEST_FILE_BYTES} bytes")
    args = parser.parse_args()
    unknown = [name for name in (*args.names, *args.without) if name not in CHECKS]
    if unknown:
        parser.error(f"no check {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    if args.sizes:
        print("\n".join(large_files()))
        return 1 if large_files() else 0
    names = [name for name in args.names or CHECKS if name not in args.without]
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for outcome in pool.map(check, names):
            print(f"{outcome.word:7s} {outcome.name} ({outcome.seconds:.1f} s)", flush=True)
            if outcome.word != "ok":
                print(f"{outcome.output.rstrip()}\n", flush=True)
            if not outcome.passed:
                failed.append(outcome.name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
