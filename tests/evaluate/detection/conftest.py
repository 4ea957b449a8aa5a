"""Detectron2, imported once without the warnings of its age; and small devkits with rectangles to find."""

import json
import warnings
from xml.sax.saxutils import escape

import cv2
import numpy as np
import pytest

from objectcrop.evaluate.detection.request import FineTuning
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.layout_files import write_detectron2
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
    import objectcrop.evaluate.detection.fine_tune  # noqa: F401

COLOURS = {"bar": (40, 40, 220), "tile": (220, 120, 30)}
SIZE = (96, 72)
DRAWN = DrawnDataset(source="drawn")
TINY = BackboneSettings(arch="resnet18", width=0.125)
SCHEDULE = {
    "max_iterations": 4,
    "decay_iterations": [3],
    "warmup_iterations": 1,
    "images_per_batch": 2,
    "learning_rate": 0.01,
    "train_short_sides_px": [64],
    "test_short_side_px": 64,
    "max_long_side_px": 128,
    "precise_batch_norm_iterations": 1,
    "regions_per_image": 16,
    "test_regions_per_image": 20,
}


@pytest.fixture(scope="session")
def drawn_root(tmp_path_factory):
    """A data root with rectangles in the layout of drawn scenes, named `few`."""
    root = tmp_path_factory.mktemp("data")
    base = root / "drawn" / "few"
    rng = np.random.default_rng(0)
    for name in (
        "VOC2007/JPEGImages",
        "VOC2007/Annotations",
        "VOC2007/ImageSets/Main",
        "coco/annotations",
        "train",
        "test",
    ):
        (base / name).mkdir(parents=True)
    for split, count in (("train", 8), ("test", 6)):
        _write_split(base, split, count, rng)
    return root


def _write_split(base, split, count, rng):
    width, height = SIZE
    ids, images, annotations = [], [], []
    for number in range(1, count + 1):
        image_id = f"{split}{number}"
        ids.append(image_id)
        image = rng.integers(90, 160, (height, width, 3)).astype(np.uint8)
        things = ""
        images.append({"id": number, "file_name": f"{image_id}.jpg", "width": width, "height": height})
        for category, (name, colour) in enumerate(COLOURS.items(), start=1):
            w, h = int(rng.integers(20, 40)), int(rng.integers(16, 30))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            image[y : y + h, x : x + w] = colour
            things += (
                f"<object><name>{escape(name)}</name><pose>x</pose><truncated>0</truncated><difficult>0</difficult>"
                f"<bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            )
            polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
            annotation = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "iscrowd": 0}
            annotations.append(annotation | {"bbox": [x, y, w, h], "area": w * h, "segmentation": [polygon]})
        size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
        (base / "VOC2007/Annotations" / f"{image_id}.xml").write_text(f"<annotation>{size}{things}</annotation>")
        assert cv2.imwrite(str(base / split / f"{image_id}.jpg"), image)
        assert cv2.imwrite(str(base / "VOC2007/JPEGImages" / f"{image_id}.jpg"), image)
    set_name = "trainval" if split == "train" else "test"
    (base / "VOC2007/ImageSets/Main" / f"{set_name}.txt").write_text("".join(f"{image_id}\n" for image_id in ids))
    categories = [{"id": number, "name": name} for number, name in enumerate(COLOURS, start=1)]
    value = {"images": images, "annotations": annotations, "categories": categories}
    (base / f"coco/annotations/instances_{split}.json").write_text(json.dumps(value))


def trunk_with_statistics(arch, width):
    """A trunk whose batch norms have done something: statistics and scales away from 0 and 1."""
    with seeded_weights(0):
        trunk = build_backbone(BackboneSettings(arch=arch, width=width)).eval()
    rng = np.random.default_rng(1)
    for name, tensor in trunk.state_dict().items():
        if "bn" in name or "downsample.1" in name:
            low, high = (0.5, 1.5) if name.endswith(("weight", "running_var")) else (-0.2, 0.2)
            if tensor.is_floating_point():
                tensor.copy_(tensor.new_tensor(rng.uniform(low, high, tuple(tensor.shape))))
            else:
                tensor.fill_(7)
    return trunk


@pytest.fixture
def exported(tmp_path):
    """Write a trunk's weights as `export_backbone` does."""

    def export(trunk):
        path = tmp_path / "backbone_d2.pkl"
        arrays = {name: value.numpy() for name, value in trunk.state_dict().items()}
        write_detectron2(path, arrays)
        return path

    return export


@pytest.fixture
def job(tmp_path, drawn_root, exported):
    """Make a fine-tuning of a few iterations, of a detector or a segmenter, with other settings of the task or its schedule."""

    def make(kind="detector", *, settings=None, **schedule):
        model = {"detector": DetectorTask, "segmenter": SegmenterTask}[kind]
        values = {"kind": kind, "dataset": "few", "schedule": SCHEDULE | schedule} | (settings or {})
        task = model.model_validate(values)
        weights = exported(trunk_with_statistics("resnet18", 0.125))
        return FineTuning("test", task, TINY, "few", DRAWN, drawn_root, weights, tmp_path / "checkpoints", seed=0)

    return make
