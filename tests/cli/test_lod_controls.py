"""The doors to the proposals that discover nothing, and to the measurement of all."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from objectcrop.runtime.atomic import read_json
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table, write_table
from workflow_scripts import make_proposals, measure_proposals


@pytest.fixture
def folder(tmp_path):
    manifest = [
        ("a", "a.jpg", 100, 60, 1, "train", ""),
        ("b", "b.jpg", 50, 50, 1, "train", ""),
        ("t", "t.jpg", 9, 9, 1, "test", ""),
    ]
    write_table(pd.DataFrame(manifest, columns=list(MANIFEST.columns)), tmp_path / "m.parquet", MANIFEST)
    boxes = pd.DataFrame({"image_id": ["a", "b", "t"], "x1": 0.0, "y1": 0.0, "x2": 0.5, "y2": 0.5, "class_id": "cup"})
    flags = {"is_group_of": False, "is_crowd": [False, True, False], "is_depiction": False}
    write_table(boxes.assign(source="s", split="train", **flags), tmp_path / "a.parquet", ANNOTATIONS)
    return tmp_path


def make(folder, source, *more: str):
    settings = json.dumps({"source_name": "some", "source": source, "study_seed": 0})
    out, summary = folder / f"{source['kind']}.parquet", folder / f"{source['kind']}.json"
    files = ["--manifest", str(folder / "m.parquet"), "--out", str(out), "--summary", str(summary)]
    make_proposals.main(["--settings", settings, *files, *more])
    return read_table(out, PROPOSALS), read_json(summary)


def test_annotated_boxes_that_are_not_crowds_become_proposals(folder):
    table, summary = make(folder, {"kind": "gt"}, "--annotations", str(folder / "a.parquet"))
    assert table["image_id"].tolist() == ["a"]
    assert table[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 50, 30]]
    assert (summary["num_images"], summary["num_images_without"]) == (2, 1)
    assert "not label-free" in summary["features"]


def test_random_boxes_have_the_sizes_of_their_source(folder):
    grid, _ = make(folder, {"kind": "grid"}, "--annotations", "--sizes-of")
    table, _ = make(folder, {"kind": "random", "sizes_of": "grid"}, "--sizes-of", str(folder / "grid.parquet"))
    for frame in (grid, table):
        frame["width"], frame["height"] = frame["x2"] - frame["x1"], frame["y2"] - frame["y1"]
    np.testing.assert_allclose(table[["width", "height"]], grid[["width", "height"]], atol=1e-3)
    assert not np.allclose(table["x1"], grid["x1"])


def test_the_centre_is_measured_against_the_annotations(folder):
    make(folder, {"kind": "centre", "area_share": 0.39})
    make(folder, {"kind": "gt"}, "--annotations", str(folder / "a.parquet"))
    qualities = {}
    for kind in ("centre", "gt"):
        files = ["--manifest", str(folder / "m.parquet"), "--annotations", str(folder / "a.parquet")]
        out = folder / f"{kind}.quality.json"
        measure_proposals.main([*files, "--proposals", str(folder / f"{kind}.parquet"), "--out", str(out)])
        qualities[kind] = read_json(out)
    # the other image has a crowd box alone
    assert qualities["gt"]["num_images_measured"] == qualities["gt"]["num_objects"] == 1
    assert (qualities["gt"]["corloc"], qualities["gt"]["mabo"]) == (1.0, 1.0)
    assert qualities["centre"]["corloc"] == 0.0
    assert 0 < qualities["centre"]["mabo"] < 0.5


def test_a_folder_without_labels_ends_with_an_error_and_no_file(folder):
    make(folder, {"kind": "centre"})
    write_table(read_table(folder / "a.parquet", ANNOTATIONS).iloc[:0], folder / "a.parquet", ANNOTATIONS)
    files = ["--manifest", str(folder / "m.parquet"), "--annotations", str(folder / "a.parquet")]
    files += ["--proposals", str(folder / "centre.parquet"), "--out", str(folder / "q.json")]
    done = subprocess.run(
        [sys.executable, "-m", "workflow_scripts.measure_proposals", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {folder / 'a.parquet'}: none of the 2 training images has an annotated box")
    assert done.stderr.count("\n") == 1
    assert not (folder / "q.json").exists()
