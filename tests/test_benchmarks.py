"""Benchmarks are no part of the suite, but what they import must be there."""

import importlib
import os
import subprocess
import sys

import pytest

from objectcrop.boxes import Size

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


@pytest.fixture
def loader(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    collection = importlib.import_module("loader_parts.collection")
    monkeypatch.setattr(collection, "NUM_IMAGES", 2)
    monkeypatch.setattr(collection, "PHOTOGRAPHS", root / "no photographs here")
    return importlib.import_module("loader")


def test_every_loader_makes_its_pairs_and_every_stage_takes_time(loader, tmp_path):
    collection = loader.collect(tmp_path, Size(160, 120))
    for name, work in loader.loaders(collection, tmp_path / "prepared").items():
        if work is None:
            assert name.endswith("AlbumentationsX")
        else:
            work()
    stages = loader.stages(loader.our_samples(collection, **loader.OBJECTS), 1)
    assert min(stage.ms for stage in stages) > 0
    for stage in stages:
        assert stage.floor_ms is None or stage.floor_ms > 0, stage.name
