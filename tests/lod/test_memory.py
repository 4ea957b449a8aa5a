"""The jobs that know all pictures take no more memory than their rules ask for, nor does it grow faster."""

import subprocess
import sys

import pytest

from objectcrop.study.lod_memory import LINES

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="Linux tells peaks in kilobytes")]

FEW, MANY, REGIONS = 500, 6000, 4
NOISE_MB = 40
MEASURE = """
import sys, tempfile
sys.path.insert(0, "benchmarks")
import lod_memory
lod_memory.LOD["max_regions"] = {regions}
for size in {sizes}:
    for job, peak in lod_memory.measure(size, {jobs}).items():
        print("PEAK", size, job, peak)
"""
JOBS = ["find_neighbours", "select_proposals", "make_proposals random", "measure_proposals"]


@pytest.fixture(scope="module")
def peaks(root):
    """Peak of each job by its number of pictures, MB."""
    code = MEASURE.format(regions=REGIONS, sizes=(FEW, MANY), jobs=JOBS)
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("PEAK"):
            _, size, *job, peak = line.split()
            found.setdefault(" ".join(job), {})[int(size)] = float(peak)
    return found


@pytest.mark.parametrize("job", JOBS)
def test_a_job_stays_below_what_its_rule_asks_for_and_grows_no_faster(peaks, job):
    items = 50 if job == "find_neighbours" else 10
    asked = {size: LINES[job.split()[0]].at(size, items) for size in (FEW, MANY)}
    for size in (FEW, MANY):
        assert peaks[job][size] < asked[size]
    assert peaks[job][MANY] - peaks[job][FEW] < asked[MANY] - asked[FEW] + NOISE_MB
