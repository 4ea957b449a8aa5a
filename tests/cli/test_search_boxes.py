"""The doors to the searches of single images, and to boxes from a file."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.precision import resolve_precision
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table
from workflow_scripts import join_proposals, make_proposals, search_boxes

pytestmark = pytest.mark.xdist_group("search-boxes")  # its fixtures are made once

BACKBONE = {"arch": "resnet18", "width": 0.125}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches")
    rng = np.random.default_rng(0)
    rows = []
    for number, (width, height) in enumerate([(90, 60), (60, 90), (1, 1), (80, 80), (70, 50)]):
        noise = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((width, height)).save(folder / f"{number}.png")
        rows.append((f"image-{number}", f"{number}.png", width, height, 1, "test" if number == 4 else "train", ""))
    write_table(pd.DataFrame(rows, columns=list(MANIFEST.columns)), folder / "m.parquet", MANIFEST)
    with seeded_weights(0):
        save_backbone(build_backbone(BackboneSettings.model_validate(BACKBONE)), folder / "backbone.safetensors", {})
    write_json(folder / "run.json", {"run": "scene-scene", "seed": 0, "features": "label-free"})
    return folder


def search(folder, out, num_shards: int, source=None):
    source = (source or {"kind": "selective_search"}) | {"num_shards": num_shards, "max_boxes": 4}
    settings = {"source_name": "some", "source": source, "study_seed": 0, "backbone": BACKBONE}
    settings_option = ["--settings", json.dumps(settings)]
    weights = ["--backbone", *([str(folder / "backbone.safetensors")] if source["kind"] == "maskcut" else [])]
    manifest = ["--manifest", str(folder / "m.parquet")]
    shards = [str(out / f"{shard}.parquet") for shard in range(num_shards)]
    for shard, path in enumerate(shards):
        search_boxes.main(
            [
                *settings_option,
                *manifest,
                *weights,
                "--data-root",
                str(folder),
                "--shard",
                str(shard),
                "--threads",
                "2",
                "--out",
                path,
            ]
        )
    summaries = [str(folder / "run.json")] if source["kind"] == "maskcut" else []
    made = ["--run-summary", *summaries, "--out", str(out / "all.parquet"), "--summary", str(out / "all.json")]
    join_proposals.main([*settings_option, *manifest, "--shards", *shards, *made])
    return read_table(out / "all.parquet", PROPOSALS), read_json(out / "all.json")


def test_the_number_of_shards_changes_nothing(folder, tmp_path):
    outputs = {}
    for num_shards in (1, 3):
        (tmp_path / str(num_shards)).mkdir()
        outputs[num_shards] = search(folder, tmp_path / str(num_shards), num_shards)
    table, summary = outputs[1]
    pd.testing.assert_frame_equal(table, outputs[3][0], check_exact=True)
    assert table["image_id"].unique().tolist() == ["image-0", "image-1", "image-3"]
    assert (summary["num_images"], summary["num_images_without"]) == (4, 1)
    assert "selective search" in summary["features"]
    assert summary["precision"] == "none"


def test_normalised_cuts_look_through_a_run_of_the_study(folder, tmp_path):
    source = {"kind": "maskcut", "features_run": "scene-scene", "layer": "layer2"}
    table, summary = search(folder, tmp_path, 1, source)
    assert len(table) >= 3
    assert summary["features"] == "label-free features of run scene-scene, seed 0, normalised cuts"
    assert summary["precision"] == resolve_precision("auto", torch.device("cpu"))


def test_a_source_that_is_no_search_is_rejected(folder, tmp_path):
    settings = json.dumps({"source_name": "some", "source": {"kind": "grid"}, "study_seed": 0})
    files = ["--manifest", str(folder / "m.parquet"), "--data-root", str(folder), "--out", str(tmp_path / "x")]
    with pytest.raises(ValueError, match="kind grid are not made by a search"):
        search_boxes.main(["--settings", settings, *files, "--shard", "0"])


def test_boxes_of_a_file_are_cut_ranked_and_reported_by_their_origin(folder, tmp_path):
    boxes = [{"image_id": "image-0", "bbox": [0, 0, 90.5, 60], "score": 1.0}]
    boxes.append({"image_id": "image-0", "bbox": [10, 10, 1, 40], "score": 2.0})  # too thin to crop from
    (tmp_path / "r.json").write_text(json.dumps(boxes))
    source = {"kind": "external", "file": "r.json", "features": "a detector of ours"}
    out = ["--out", str(tmp_path / "t.parquet"), "--summary", str(tmp_path / "t.json")]
    settings_option = ["--settings", json.dumps({"source_name": "some", "source": source, "study_seed": 0})]
    make_proposals.main([*settings_option, "--manifest", str(folder / "m.parquet"), "--data-root", str(tmp_path), *out])
    table = read_table(tmp_path / "t.parquet", PROPOSALS)
    assert table[["rank", "x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 0, 90, 60]]
    assert read_json(tmp_path / "t.json")["features"] == "a detector of ours"
