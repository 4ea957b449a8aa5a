"""A part of the tiny study that is killed five times and damaged ends with the bytes of the one that was left alone."""

import shutil

import pytest

from tests.chaos.driver import Chaos, Wanted
from tests.chaos.results import digests
from tests.conftest import Workflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]

REMADE = ("results/pretrain/oac", "results/eval/oac", "results/tables", "benchmarks/jobs")
KILLS = ["snakemake", "job", "job", "snakemake", "job"]


@pytest.fixture
def killed(finished, tmp_path):
    """A copy of the finished study that lacks a training, its evaluation and its table."""
    folder = shutil.copytree(finished.folder, tmp_path / "killed", symlinks=True)
    for name in REMADE:
        shutil.rmtree(folder / name)
    return Workflow(folder.resolve())


def test_five_kills_change_no_byte(finished, killed, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    chaos = Chaos(killed, ("linear-demo", *Workflow.tiny), Wanted(list(KILLS)), calm=finished.folder, seed=0, logs=logs)
    story = chaos.run()
    assert story.kills.total() == len(KILLS)
    assert story.kills["snakemake"] == story.locked == 2
    assert len(story.advice) >= 1
    assert story.tracebacks == []
    expected, found = digests(finished.folder), digests(killed.folder)
    assert [path for path in found if found[path] != expected.get(path)] == []
    made = {f"results/tables/linear-demo.{suffix}" for suffix in ("md", "csv", "json", "tex")}
    assert made | {"results/pretrain/oac/s0/backbone.safetensors", "results/eval/oac/s0/linear.json"} <= found.keys()
