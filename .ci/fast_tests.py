"""Run the fast tests with the Python that runs this, and print how much of each room's code they ran.

Arguments are folders of tests, all by default; of some, coverage says nothing and is not measured.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from coverage_by_room import table

ROOT = Path(__file__).resolve().parents[1]
FAST = "not slow and not cluster and not browser and not gpu"


def main() -> int:
    """Test and report; the exit status of the tests."""
    report = ROOT / "build/coverage.json"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    folders = sys.argv[1:]
    measured = folders or ["--cov=objectcrop", "--cov=workflow_scripts", f"--cov-report=json:{report}"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", FAST, *measured]
    # from 3.12 on Python itself says which lines run: no slower than without; before, about twice as slow
    core = {"COVERAGE_CORE": "sysmon"} if sys.version_info >= (3, 12) else {}
    files = {"COVERAGE_FILE": str(report.with_name(".coverage"))}
    code = subprocess.run(command, cwd=ROOT, env=os.environ | core | files, check=False).returncode
    if report.is_file():
        print("\n".join(table(json.loads(report.read_text(encoding="utf-8"))["files"])), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
