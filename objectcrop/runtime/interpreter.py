"""Make `python` in rules the interpreter that runs Snakemake, and the checkout importable from any working folder."""

import os
import sys
from pathlib import Path


def prefer_own_python(root: Path) -> None:
    """Put this interpreter's folder first on PATH and `root` first on PYTHONPATH, for the jobs that follow."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
