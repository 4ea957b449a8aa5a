"""On a finished study: no flipped byte gets through, and a number is explained up to the images."""

import hashlib
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from objectcrop.identity.lineage import VARIABLE
from objectcrop.identity.making import Work, begin

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]


def test_no_flip_in_any_file_between_rules_gets_through(study, monkeypatch):
    """60 random flips of 4 bytes in each, with size and time as before: the job that reads it names it and stops."""
    monkeypatch.chdir(study.folder)
    monkeypatch.delenv(VARIABLE, raising=False)
    rng, kinds = random.Random(17), set()
    for record in sorted(Path("results").rglob(".records/*.json")):
        file = record.parent.parent / record.stem
        if not file.is_file():
            continue
        kinds.add((file.parts[1], file.suffix))
        work = Work("reader", {}, {}, {"files": [file]}, [], ["python"])
        begin(work)
        stat, whole = file.stat(), file.read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            start = rng.randrange(max(1, len(whole) - 4))
            for place in range(start, min(start + 4, len(whole))):
                damaged[place] ^= rng.randrange(1, 256)
            file.write_bytes(damaged)
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            with pytest.raises(ValueError, match=f"{re.escape(str(file))}: its bytes are not those that"):
                begin(work)
        file.write_bytes(whole)
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    stages = {
        "images",
        "annotations",
        "ohms",
        "lod",
        "proposals",
        "pretrain",
        "export",
        "eval",
        "tables",
        "inspect",
        "drawn",
    }
    assert stages <= {stage for stage, _ in kinds}
    assert {".parquet", ".npz", ".safetensors", ".pkl", ".json"} <= {suffix for _, suffix in kinds}


def explained(study, *arguments):
    command = [sys.executable, "-m", "workflow_scripts.explain", "results/tables/linear-demo.json", *arguments]
    return subprocess.run(command, cwd=study.folder, env=study.environment, capture_output=True, text=True, check=False)


def test_a_cell_of_a_table_is_explained_up_to_the_images(study):
    text = explained(study, "--row", "OAC (rotation and localization)", "--column", "mAP").stdout
    assert text.startswith("results/eval/oac/s0/linear.json\n  SHA-256 ")
    assert "results/eval/scene-scene/s0/linear.json" not in text
    for rule in (
        "evaluate_linear, seed 0",
        "pretrain, seed 0",
        "select_proposals",
        "extract_features, shard 1",
        "index_images",
    ):
        assert f"  made by rule {rule}, finished 20" in text
    sha256 = hashlib.sha256((study.folder / "results/pretrain/oac/s0/backbone.safetensors").read_bytes()).hexdigest()
    assert f"  backbone: results/pretrain/oac/s0/backbone.safetensors {sha256}\n" in text
    shown = "command: python -m workflow_scripts.", "code: ", "versions: Python ", "machine: ", "precision: ", "cost: "
    assert all(f"\n  {what}" in text for what in shown)
    assert text.count("--settings SETTINGS") >= 8
    assert re.fullmatch(r"together: \d\d jobs, \d+ s", text.splitlines()[-1])


def test_a_cell_that_is_not_there_is_named_with_those_that_are(study):
    done = explained(study, "--row", "OAC")
    assert done.returncode == 1
    assert "has no row 'OAC'" in done.stderr
    assert "'OAC (rotation and localization)'" in done.stderr
