"""Drawn scenes in ADE20K's layout: every pixel has a class, but for a frame that is unlabelled."""

import shutil

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.drawn.classes import drawn_classes
from objectcrop.data.drawn.dataset import draw_dataset
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.datasets import Ade20kDataset, DrawnDataset

TRUNK = BackboneSettings(arch="resnet18", width=0.125)
SCENES = DrawnDataset(
    source="drawn",
    num_train=48,
    num_test=40,
    width_px=80,
    height_px=64,
    num_classes=3,
    mean_objects=2,
    object_sizes="large",
    clutter=0.0,
)
ADE = Ade20kDataset(source="ade20k", folder="ADE")


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A data root with the drawn data set `scenes` and a copy of it as ADE; index 1 is the ground, then the drawn classes."""
    root = tmp_path_factory.mktemp("data")
    draw_dataset("scenes", SCENES, root)
    drawn, ade = root / "drawn" / "scenes", root / "ADE"
    for split, part in (("train", "training"), ("test", "validation")):
        for kind in ("images", "annotations"):
            (ade / kind / part).mkdir(parents=True)
        for image in sorted((drawn / split).glob("*.jpg")):
            shutil.copyfile(image, ade / "images" / part / image.name)
            mask = np.array(Image.open(drawn / "VOC2007" / "SegmentationClass" / f"{image.stem}.png")) + 1
            mask[0] = mask[-1] = 0
            Image.fromarray(mask.astype(np.uint8)).save(ade / "annotations" / part / f"{image.stem}.png")
    names = ["ground", *(kind.name for kind in drawn_classes(SCENES.num_classes))]
    lines = [f"{index}\t{name}" for index, name in enumerate(names, start=1)]
    (ade / "objectInfo150.txt").write_text("\n".join(["Idx\tName", *lines]))
    return root


def new_trunk():
    with seeded_weights(0):
        return build_backbone(TRUNK)


@pytest.fixture
def trunk():
    return new_trunk()
