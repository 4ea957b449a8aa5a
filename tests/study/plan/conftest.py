"""One small study that has every stage, and a second seed."""

import copy

import pytest

from objectcrop.study.plan.plan import load_plan

RUN = {"dataset": "ohms", "optimizer": {"epochs": 2, "global_batch_size": 8}}
CONFIG = {
    "name": "small",
    "title": "A small study",
    "seeds": [0, 1],
    "datasets": {
        "drawn": {"source": "drawn", "num_train": 8},
        "more": {"source": "drawn", "num_train": 4},
        "ohms": {"source": "ohms", "of": "drawn"},
        "both": {"source": "union", "parts": ["drawn", "more"]},
        "voc": {
            "source": "voc",
            "parts": {
                "train": [{"devkit": "VOC2007", "image_set": "trainval"}],
                "test": [{"devkit": "VOC2007", "image_set": "test"}],
            },
        },
    },
    "proposals": {
        "lod": {"kind": "lod", "features_run": "scene", "num_shards": 3, "num_score_shards": 2},
        "degree": {"kind": "degree", "of": "lod"},
        "gt": {"kind": "gt"},
    },
    "runs": {
        "random-init": RUN | {"method": "random_init"},
        "scene": RUN,
        "objects": RUN | {"views": {"regions": ["object", "scene"], "proposals": "lod"}},
        "labels": RUN | {"method": "supervised", "resources": {"gpus": 2, "hours": 1.51, "kept_states": 5}},
    },
    "tasks": {
        "linear": {"kind": "linear", "dataset": "ohms"},
        "boxes": {"kind": "detector", "dataset": "voc", "resources": {"cpus": 6}},
        "masks": {"kind": "segmenter", "dataset": "drawn"},
        "pixels": {"kind": "semantic_segmenter", "dataset": "drawn"},
    },
    "tables": {
        "one": {
            "title": "One",
            "columns": [{"task": "linear", "metric": "map", "label": "mAP"}],
            "rows": [{"label": name, "run": name} for name in ("random-init", "scene", "objects")],
        },
        "two": {
            "title": "Two",
            "columns": [{"task": "masks", "metric": "AP", "label": "AP"}],
            "rows": [{"label": "nothing", "run": "random-init"}, {"label": "paper", "paper_row": "x"}],
        },
    },
    "measured_proposals": {"ohms": ["lod", "gt"]},
    "inspection": {"run": "objects"},
}


@pytest.fixture
def config(tmp_path):
    """The small study; tests may change it."""
    return copy.deepcopy(CONFIG) | {"data_root": str(tmp_path)}


@pytest.fixture
def plan(config):
    return load_plan(config)
