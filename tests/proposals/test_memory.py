"""The jobs that know all images take no more memory than their rules ask for, nor does it grow faster."""

import subprocess
import sys

import pytest

from objectcrop.proposals.lod.ranking import row_parts
from objectcrop.study.plan import memory as lod_memory
from objectcrop.study.settings.proposals import LodProposals

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux reports peaks in kilobytes")

FEW, MANY, REGIONS = 500, 6000, 4
NOISE_MB = 40
MEASURE = """
import sys
sys.path.insert(0, "benchmarks")
import lod_memory
lod_memory.LOD["max_regions"] = {regions}
for size in {sizes}:
    for job, peak in lod_memory.measure(size, {jobs}).items():
        print("PEAK", size, peak, lod_memory.asked_mb(job, size), job)
"""
JOBS = ["find_neighbours", "select_proposals", "make_proposals random", "measure_proposals"]
RANKED = {"rank_regions": (200, 4000, 2000), "rank_regions, large shard": (100, 1600, 200)}
"""Images, few and many, and regions of each: where vectors count, and where the sorting of scores does."""


def measured(root, few: int, many: int, regions: int, jobs: list[str]) -> dict[str, list[tuple[float, float]]]:
    """Return the peak and the request, MB, by job: with few and with many images."""
    code = MEASURE.format(regions=regions, sizes=(few, many), jobs=jobs)
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    peaks: dict[str, list[tuple[float, float]]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("PEAK"):
            _, _, peak, asked, job = line.split(maxsplit=4)
            peaks.setdefault(job, []).append((float(peak), float(asked)))
    return peaks


@pytest.fixture(scope="module")
def peaks(root):
    return measured(root, FEW, MANY, REGIONS, JOBS)


@on_linux
@pytest.mark.slow
@pytest.mark.xdist_group("lod-peaks")  # a minute of measuring that two workers would each do
@pytest.mark.parametrize("job", JOBS)
def test_a_job_stays_below_what_its_rule_asks_for_and_grows_no_faster(peaks, job):
    (few, few_asked), (many, many_asked) = peaks[job]
    assert few < few_asked
    assert many < many_asked
    assert many - few < many_asked - few_asked + NOISE_MB


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("job", RANKED)
def test_a_ranking_grows_by_its_vectors_or_its_scores_and_no_faster_than_is_asked_for(root, job):
    ((few, few_asked), (many, many_asked)) = measured(root, *RANKED[job], [job])[job]
    assert few < few_asked
    assert many < many_asked
    assert 200 < many - few < many_asked - few_asked + NOISE_MB


def test_rows_are_put_in_order_of_as_many_images_as_memory_is_asked_for():
    assert lod_memory.IMAGES_PER_PART == row_parts.IMAGES_PER_PART


@pytest.mark.parametrize(
    ("num_images", "changes", "expected"),
    [
        # vectors: (8 x 80 + 28) bytes x 2 million x 200 regions
        (2_000_000, {"ranking_processes": 8, "num_score_shards": 1024}, 8 * 1300 + 267_200),
        # a shard of 100,000 images: 2 x 120 bytes x 100,000 x 50 x 100 scores
        (200_000, {"ranking_processes": 2, "num_shards": 2}, 2 * 1300 + 120_000),
        # a part of 512 images is more than a shard of 100, and all 300 of a small collection are less than a part
        (10_000, {"num_score_shards": 100, "max_regions": 2}, 1300 + 308),
        (300, {"num_score_shards": 100, "max_regions": 2}, 1300 + 180),
    ],
)
def test_a_ranking_asks_for_its_vectors_or_its_scores_whichever_are_more(num_images, changes, expected):
    settings = {
        "kind": "lod",
        "features_run": "r",
        "max_regions": 200,
        "num_neighbours": 50,
        "max_scores_per_pair": 100,
    }
    lod = LodProposals.model_validate(settings | changes)
    assert lod_memory.ranking_mb(num_images, lod) == expected
