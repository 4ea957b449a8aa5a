"""Rotation and localization are learned from drawn scenes: their accuracy exceeds chance level."""

import cv2
import pandas as pd
import pytest

from objectcrop.data.drawn.dataset import draw_scene
from objectcrop.ssl.pretraining import Tables, pretrain
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.tables import MANIFEST, PROPOSALS, check

NUM_SCENES, SIDE = 512, 96
SCENES = DrawnDataset(
    source="drawn",
    width_px=SIDE,
    height_px=SIDE,
    num_classes=4,
    max_objects=1,
    mean_objects=1,
    object_sizes="close",
    clutter=0,
)


@pytest.fixture
def scenes(tmp_path):
    """Scenes of one near thing each, with its box as the proposal."""
    images, boxes = [], []
    for number in range(NUM_SCENES):
        name, scene = f"s{number:03d}", draw_scene(SCENES, "train", number)
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), scene.image)
        images.append((name, f"{name}.png", SIDE, SIDE, 1, "train", ""))
        boxes.append((name, 0, *map(float, scene.objects[0].box), 1.0))
    return Tables(
        manifest=check(pd.DataFrame(images, columns=list(MANIFEST.columns)), MANIFEST, where="test"),
        data_root=tmp_path,
        proposals=check(pd.DataFrame(boxes, columns=list(PROPOSALS.columns)), PROPOSALS, where="test"),
        proposals_summary={"object_scale_min": 0.7, "features": "label-free: drawn"},
    )


@pytest.mark.slow
def test_rotations_and_cells_are_predicted_better_than_chance(scenes, request_of, tmp_path):
    request = request_of(
        "oac",
        backbone={"width": 0.25},
        views={"scene_scale_min": 0.6},
        moco={"queue_length": 128, "momentum": 0.97, "batch_norm_group": 32},
        losses={"rotation": 5.0, "localization": 5.0},  # of less weight they learn little in so few steps
        optimizer={"epochs": 30, "global_batch_size": 64, "name": "adamw", "learning_rate": 0.002},
    )
    history = pretrain(request, scenes, tmp_path / "c").summary["history"]
    last = history[-len(history) // 5 :]
    # less than half of what was measured with two instruction sets: 0.13 to 0.16
    for part, margin in (("rotation", 0.06), ("localization", 0.06)):
        above = [row[f"accuracy_{part}"] - row[f"accuracy_{part}_chance"] for row in last]
        assert sum(above) / len(above) > margin, part
