"""A study without a problem that has every kind of entry; tests plant mistakes in it."""

import copy

import pytest

CONFIG = {
    "name": "sound",
    "title": "A sound study",
    "about": "For tests.",
    "seed": 3,
    "seeds": [0, 1],
    "paths": {"data": "nowhere"},
    "tracking": {"pretrain": "recipe"},
    "datasets": {
        "drawn": {"source": "drawn", "num_train": 600},
        "ohms": {"source": "ohms", "of": "drawn"},
        "rare": {"source": "ohms", "of": "drawn", "min_images_per_class": 2},
        "voc": {
            "source": "voc",
            "parts": {split: [{"devkit": "VOC", "image_set": split}] for split in ("train", "test")},
        },
        "coco": {
            "source": "coco",
            "instances": {"train": "a.json", "test": "b.json"},
            "images": {"train": "a", "test": "b"},
        },
        "ade": {"source": "ade20k", "folder": "ADE"},
        "photos": {"source": "folder", "images": "photos"},
        "both": {"source": "union", "parts": ["coco", "photos"]},
        "fetched": {
            "source": "openimages",
            "boxes": {"train": "train.csv", "test": "test.csv"},
            "class_descriptions": "names.csv",
            "images": {"train": "train", "test": "test"},
            "download": {},
        },
        "kept": {"source": "ohms", "of": "fetched"},
    },
    "proposals": {
        "lod": {"kind": "lod", "features_run": "scene"},
        "degree": {"kind": "degree", "of": "lod"},
        "random": {"kind": "random", "sizes_of": "lod"},
        "vgg": {
            "kind": "lod",
            "trunk": {"arch": "vgg16", "weights": "vgg.pth", "trained_with": "labels"},
            "layers": ["features.22", "features.29"],
            "descriptor_layer": "classifier.1",
        },
        "cuts": {"kind": "maskcut", "features_run": "scene"},
        "gt": {"kind": "gt"},
        "given": {"kind": "external", "file": "boxes.json"},
    },
    "runs": {
        "scene": {"dataset": "photos"},
        "objects": {"inherit": "scene", "views": {"regions": ["object", "dilated_object"], "proposals": "lod"}},
        "swav": {"inherit": "scene", "method": "swav"},
        "labels": {"dataset": "ohms", "method": "supervised"},
        "random-init": {"method": "random_init"},
        "theirs": {"method": "external", "backbone": {"weights": "theirs.pth"}},
    },
    "tasks": {
        "linear": {"kind": "linear", "dataset": "ohms"},
        "boxes": {"kind": "detector", "dataset": "voc"},
        "masks": {"kind": "segmenter", "dataset": "coco"},
        "pixels": {"kind": "semantic_segmenter", "dataset": "ade"},
    },
    "tables": {
        "one": {
            "title": "One",
            "paper_table": "T4",
            "columns": [
                {"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "OHMS_mAP"},
                {"task": "linear", "metric": "map_batched_256", "label": "in batches"},
            ],
            "rows": [
                {"label": "random", "run": "random-init"},
                {"label": "supervised", "run": "labels", "paper_row": "Supervised"},
                {"label": "scene", "run": "scene"},
            ],
        },
        "two": {
            "title": "Two",
            "columns": [
                {"task": "boxes", "metric": "AP", "label": "AP"},
                {"task": "masks", "metric": "mask_AP", "label": "m"},
                {"task": "pixels", "metric": "mIoU", "label": "mIoU"},
            ],
            "rows": [{"label": "theirs", "run": "theirs"}, {"label": "objects", "run": "objects"}],
        },
    },
    "measured_proposals": {"ohms": ["lod", "gt"], "coco": ["degree"]},
    "measured_subsets": ["rare"],
    "inspection": {"run": "objects", "max_images": 10},
}


@pytest.fixture
def config():
    """The study; a test may change it."""
    return copy.deepcopy(CONFIG)


def changed(config, path, value):
    """The config with another value at a path of keys and places; a value of None takes the key away."""
    config = copy.deepcopy(config)
    inside = config
    for part in path[:-1]:
        inside = inside[part]
    if value is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return config
