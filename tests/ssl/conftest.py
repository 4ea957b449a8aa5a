"""A tiny training set on disk, and tiny runs."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import Request, Tables
from objectcrop.study.settings.runs import Run
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, check

NUM_IMAGES, WIDTH, HEIGHT = 18, 48, 40


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """In every test here."""


def make_tables(folder: Path) -> Tables:
    """Images of blurred noise and one rectangle each (PNG: equal pixels everywhere), with boxes and labels."""
    rng = np.random.default_rng(0)
    images, proposals, labels = [], [], []
    for number in range(NUM_IMAGES):
        name = f"i{number:02d}"
        image = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 1.5)
        image[8:30, 10:36] = rng.integers(0, 60, 3) + (np.array([180, 0, 0]) if number % 2 else np.array([0, 0, 180]))
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
        images.append((name, f"{name}.png", WIDTH, HEIGHT, 1, "train" if number < NUM_IMAGES - 2 else "test", ""))
        if number != 3:
            proposals += [(name, 0, 10, 8, 36, 30, 1.0), (name, 1, 2, 2, 30, 38, 0.5)]
        for class_id in ("a", "b") if number % 2 else ("c",):
            labels.append((name, class_id, 0.2, 0.2, 0.7, 0.7, False, False, False, "s", "train"))
    return Tables(
        manifest=check(pd.DataFrame(images, columns=list(MANIFEST.columns)), MANIFEST, where="test"),
        data_root=folder,
        annotations=check(pd.DataFrame(labels, columns=list(ANNOTATIONS.columns)), ANNOTATIONS, where="test"),
        proposals=check(pd.DataFrame(proposals, columns=list(PROPOSALS.columns)), PROPOSALS, where="test"),
        proposals_summary={"object_scale_min": 0.5, "features": "label-free: drawn"},
    )


@pytest.fixture
def tables(tmp_path) -> Tables:
    folder = tmp_path / "images"
    folder.mkdir()
    return make_tables(folder)


def tiny_run(**changes) -> Run:
    """MoCo-v2 at an eighth of the width, 32 px, float32; `changes` are merged section by section."""
    base = {
        "dataset": "tiny",
        "method": "moco_v2",
        "backbone": {"arch": "resnet18", "width": 0.125},
        "views": {"size_px": 32},
        "moco": {
            "queue_length": 16,
            "momentum": 0.9,
            "embedding_dims": 16,
            "projector_batch_norm": True,
            "batch_norm_group": 2,
        },
        "optimizer": {"epochs": 3, "global_batch_size": 4, "learning_rate": 0.05, "precision": "float32"},
    }
    return Run.model_validate(merged(base, changes))


def merged(base: dict, changes: dict) -> dict:
    """Merge `changes` into `base`, section by section."""
    settings = dict(base)
    for section, value in changes.items():
        settings[section] = {**settings.get(section, {}), **value} if isinstance(value, dict) else value
    return settings


OAC = {
    "views": {"regions": ["object", "dilated_object"], "proposals": "lod"},
    "moco": {"heads": "per_view"},
    "losses": {"rotation": 1.0, "localization": 1.0, "patches": 3},
}
RECIPES = {
    "scene-scene": {},
    "obj-dilate": {"views": OAC["views"]},
    "oac": OAC,
    "oac-same-tag": {**OAC, "moco": {"heads": "per_view", "negatives": "same_tag"}},
    "supervised": {"method": "supervised", "optimizer": {"name": "adamw", "learning_rate": 0.001}},
    # one head: batch norm over the one or two rows that a head of its own would get here blows rounding up
    "densecl": {**OAC, "method": "densecl", "moco": {"projector_batch_norm": False}},
    "byol": {
        **OAC,
        "method": "byol",
        "moco": {},
        "byol": {"hidden_dims": 24, "embedding_dims": 16},
        "optimizer": {"name": "lars", "learning_rate": 1.0, "global_batch_size": 8},
    },
    "swav": {
        **OAC,
        "method": "swav",
        "moco": {},
        "swav": {"hidden_dims": 24, "embedding_dims": 16, "num_prototypes": 6, "frozen_prototype_steps": 1},
        "optimizer": {"name": "larc", "learning_rate": 1.0, "global_batch_size": 8},
    },
    "cmc": {
        **OAC,
        "method": "cmc",
        "moco": {},
        "cmc": {"embedding_dims": 16, "num_negatives": 6, "crops": "two"},
        "optimizer": {"global_batch_size": 8},
    },
    "insdis": {
        **OAC,
        "method": "insdis",
        "moco": {},
        "insdis": {"embedding_dims": 16, "num_negatives": 6, "crops": "two"},
        "optimizer": {"global_batch_size": 8},
    },
    "cmc-nce": {
        "method": "cmc",
        "cmc": {"loss": "nce", "embedding_dims": 16, "num_negatives": 6},
        "optimizer": {"global_batch_size": 8},
    },
}


@pytest.fixture
def request_of():
    def make(name="scene-scene", threads=1, **changes) -> Request:
        run = tiny_run(**merged(RECIPES[name], changes))
        return Request(name, run, Seeds(0, 1), num_threads=threads)

    return make


@pytest.fixture
def recipes() -> dict:
    return RECIPES
