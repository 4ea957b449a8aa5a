"""Benchmarks are no part of the suite, but what they import must be there."""

import os
import subprocess
import sys

PROGRAM = """
import pathlib, runpy, sys
for path in sorted(pathlib.Path("benchmarks").glob("*.py")):
    sys.path[0] = "benchmarks"
    runpy.run_path(str(path), run_name="imported")
    print(path.name)
"""


def test_every_benchmark_finds_what_it_imports(root):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.split()) == len(list((root / "benchmarks").glob("*.py")))
