"""Small images of two colours each, a tiny trunk, and tasks that take it."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.images import labelled_images, training_classes
from objectcrop.evaluate.linear.probe import evaluate_linear
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.study.settings.tasks import LinearTask
from objectcrop.tables import ANNOTATIONS, MANIFEST, check

CPU = torch.device("cpu")
SEEDS = Seeds(study=0, run=0)
COLOURS = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def settings(**values):
    base = {"kind": "linear", "dataset": "d", "size_px": 32, "resize_px": 36, "epochs": 12, "batch_size": 8}
    base |= {"decay_epochs": [8], "learning_rates": [1.0], "cached_views": 2}
    return LinearTask.model_validate(base | values)


def results_of(*words, **named):
    return evaluate_linear(*words, **named).results


def backbone():
    with seeded_weights(0):
        trunk = build_backbone(BackboneSettings(arch="resnet18", width=0.125))
    return trunk


@pytest.fixture
def tables(tmp_path):
    """Images whose halves have the colours that are their labels; two of three colours each."""
    rng = np.random.default_rng(0)
    manifest, annotations = [], []
    for number in range(36):
        names = rng.choice(list(COLOURS), size=2, replace=False).tolist()
        image = np.zeros((40, 56, 3), dtype=np.uint8)
        image[:20], image[20:] = COLOURS[names[0]], COLOURS[names[1]]
        image[rng.random((40, 56)) < 0.1] = 128
        image_id, split = f"i{number:02d}", "train" if number < 24 else "test"
        assert cv2.imwrite(str(tmp_path / f"{image_id}.png"), image)
        manifest.append((image_id, f"{image_id}.png", 56, 40, 1, split, ""))
        annotations += [(image_id, name, 0, 0, 1, 0.5, False, False, False, "s", split) for name in names]
    return tuple(
        check(pd.DataFrame(rows, columns=list(schema.columns)), schema, where="test")
        for rows, schema in ((manifest, MANIFEST), (annotations, ANNOTATIONS))
    )


@pytest.fixture
def data(tables, tmp_path):
    manifest, annotations = tables
    classes = training_classes(manifest, annotations)
    splits = (labelled_images(manifest, annotations, tmp_path, split, classes) for split in ("train", "test"))
    return Data(*splits, tuple(classes))
