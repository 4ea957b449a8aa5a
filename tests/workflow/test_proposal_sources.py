"""Proposals of every source that needs files of others, through the whole workflow; and a run that crops from one of them."""

import json

import pandas as pd
import pytest
import yaml

from objectcrop.data.drawn.dataset import draw_scene, scene_id
from objectcrop.runtime.atomic import read_json
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table
from tests.conftest import Workflow, copied
from tests.proposals.opencv_models import write_bing, write_forest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sources")]

SCENES = {"source": "drawn", "num_train": 16, "num_test": 2, "width_px": 128, "height_px": 96, "num_classes": 4}
SIZE = (128, 96)
SOURCES = {
    "edge-boxes": {"kind": "edge_boxes", "model": "models/model.yml.gz", "num_shards": 2},
    "gradient-edge-boxes": {"kind": "edge_boxes", "edges": "gradient"},
    "bing": {"kind": "bing", "model_folder": "models/bing", "num_shards": 2},
    "selective-search": {"kind": "selective_search"},
    "cuts": {"kind": "maskcut", "features_run": "random-init", "layer": "layer2"},
    "table": {"kind": "external", "file": "given/boxes.parquet", "features": "the drawn objects"},
    "coco": {"kind": "external", "file": "given/boxes.json"},
}
ONE_CORE = {"cpus": 1, "gpus": 0, "memory_mb": 2000, "hours": 1}
STUDY = {
    "name": "sources",
    "title": "Every source",
    "about": "A test.",
    "seeds": [0],
    "datasets": {"drawn": SCENES},
    "proposals": SOURCES,
    "runs": {
        "random-init": {
            "dataset": "drawn",
            "method": "random_init",
            "backbone": {"arch": "resnet18", "width": 0.125},
            "resources": ONE_CORE,
        },
        "oac": {
            "inherit": "random-init",
            "method": "moco_v2",
            "views": {"size_px": 32, "regions": ["object", "dilated_object"], "proposals": "coco"},
            "moco": {"queue_length": 16, "batch_norm_group": 8},
            "losses": {"localization": 1.0},
            "optimizer": {"epochs": 1, "global_batch_size": 8},
        },
    },
    "measured_proposals": {"drawn": list(SOURCES)},
}


def objects():
    """Boxes of every training scene by its name, pixels, as they are drawn."""
    settings = DrawnDataset.model_validate(SCENES)
    return {
        scene_id(settings, "train", index): [thing.box for thing in draw_scene(settings, "train", index).objects]
        for index in range(settings.num_train)
    }


def write_given(folder):
    """The drawn objects as somebody else's boxes: Parquet in our columns, and COCO results without the first image."""
    folder.mkdir(parents=True)
    rows, results = [], []
    for number, (name, boxes) in enumerate(objects().items()):
        for rank, (x1, y1, x2, y2) in enumerate(boxes):
            rows.append((name, rank, x1, y1, x2, y2, -float(rank)))
            if number:
                results.append({"image_id": name, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": 1 - 0.01 * rank})
    write_table(pd.DataFrame(rows, columns=list(PROPOSALS.columns)), folder / "boxes.parquet", PROPOSALS)
    (folder / "boxes.json").write_text(json.dumps(results), encoding="utf-8")


@pytest.fixture(scope="module")
def made(root, tmp_path_factory):
    """A copy in which all was made: proposals, their measures, and the run."""
    workflow = Workflow(copied(root, tmp_path_factory.mktemp("sources")))
    data = workflow.folder / "data"
    write_given(data / "given")
    write_bing(data / "models/bing")
    write_forest(data / "models/model.yml.gz")
    (workflow.folder / "sources.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    targets = [f"results/proposals/drawn/{source}.quality.json" for source in SOURCES]
    workflow.run(*targets, "results/pretrain/oac/s0/backbone.safetensors", "--configfile", "sources.yaml")
    return workflow


@pytest.fixture
def proposals(made):
    return made.folder / "results/proposals/drawn"


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_boxes_inside_images_that_are_measured(made, proposals, source):
    table = read_table(proposals / f"{source}.parquet", PROPOSALS)
    manifest = read_table(made.folder / "results/images/drawn/manifest.parquet", MANIFEST)
    train = manifest["image_id"][manifest["split"] == "train"]
    assert 8 <= table["image_id"].nunique() <= len(train) == 16
    assert set(table["image_id"]) <= set(train)
    assert (table[["x1", "y1"]].to_numpy() >= 0).all()
    assert (table[["x2", "y2"]].to_numpy() <= SIZE).all()
    quality = read_json(proposals / f"{source}.quality.json")
    assert quality["num_images_measured"] == 16
    assert quality["num_objects"] == sum(map(len, objects().values()))
    jobs = {"make_proposals"} if source in ("table", "coco") else {"search_boxes", "join_proposals"}
    assert set(quality["costs"]) == jobs


def test_given_boxes_arrive_as_they_are(proposals):
    """They are the objects, so that the right measures follow: all those that are large enough to be cropped."""
    for source, num_without in (("table", 0), ("coco", 1)):
        quality, summary = read_json(proposals / f"{source}.quality.json"), read_json(proposals / f"{source}.json")
        assert quality["by_object_size"]["large"]["mean_best_overlap"] > (0.999 if source == "table" else 0.8)
        assert summary["num_images_without"] == num_without
        assert quality["corloc"] == (16 - num_without) / 16
    assert read_json(proposals / "table.json")["features"] == "the drawn objects"


def test_a_run_crops_from_the_given_boxes(made):
    summary = read_json(made.folder / "results/pretrain/oac/s0/summary.json")
    assert summary["run"] == "oac"
    text = json.dumps(summary)
    assert '"images_without_proposals": 1' in text
    assert '"proposals": "coco"' in text
