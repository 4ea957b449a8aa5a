"""On a processor without AVX-512 no network of the project computes in bfloat16, unless it is asked for by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PASSES = Path(__file__).with_name("network_passes.py")
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


@pytest.mark.slow
def test_no_pass_of_a_network_computes_convolutions_in_bfloat16_by_default():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", str(PASSES)],
        cwd=PASSES.parents[2],
        env=os.environ | AVX2,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
