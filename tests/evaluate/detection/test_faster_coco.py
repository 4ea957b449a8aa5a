"""The faster evaluator of COCO's metric against the reference, pycocotools: equal numbers, whatever is found."""

import importlib.util
import json
import math

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog
from detectron2.structures import Boxes, Instances
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocotools import mask as rle

from objectcrop.evaluate.detection.data import register_coco
from objectcrop.evaluate.detection.faster_coco import assert_installed
from objectcrop.evaluate.detection.fine_tune import fine_tune, fine_tune_alone
from objectcrop.evaluate.detection.metrics import InstanceEvaluator
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.datasets import CocoDataset

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*invalid value encountered:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Found annotation id 0:UserWarning"),
    pytest.mark.filterwarnings("ignore:The .warn. method is deprecated:DeprecationWarning"),
]
WIDTH, HEIGHT = 144, 108
FILES = {"train": "test.json", "test": "test.json"}
FEW_COCO = CocoDataset(source="coco", instances=FILES, images={"train": "images", "test": "images"})
CLASSES = 3

spans = st.tuples(st.integers(0, 11), st.integers(1, 12)).map(lambda span: (span[0], min(span[0] + span[1], 12)))
boxes = st.tuples(spans, spans).map(lambda one: (12 * one[0][0], 9 * one[1][0], 12 * one[0][1], 9 * one[1][1]))
"""Corners on a grid, of small, medium and large boxes: many overlaps and areas are equal."""
places = st.tuples(st.integers(1, 4), st.integers(0, CLASSES - 1), boxes)
"""Image, class and box."""
objects = st.lists(st.tuples(places, st.booleans(), st.booleans()), max_size=12)
"""Place, whether a crowd, and whether a triangle of its box."""
scores = st.sampled_from([0.25, 0.5, 0.75]) | st.floats(0, 1, width=32)
detections = st.lists(st.tuples(places, scores, st.booleans()), max_size=30)
whole_images = [(0, 0, WIDTH, HEIGHT), (0, 0, WIDTH // 2, HEIGHT)]


def polygon(box, is_triangle):
    x1, y1, x2, y2 = box
    return [x1, y1, x2, y1, x1, y2] if is_triangle else [x1, y1, x2, y1, x2, y2, x1, y2]


def counts(mask):
    """Run lengths, down the columns, as COCO stores crowds."""
    flat = mask.ravel(order="F")
    ends = [0, *(np.flatnonzero(np.diff(flat)) + 1), len(flat)]
    return ([0] if flat[0] else []) + np.diff(ends).tolist()


def instances_json(things, first_id):
    """COCO's JSON of 4 images; the last class has objects only if some were drawn."""
    annotations = []
    for number, ((image, label, box), is_crowd, is_triangle) in enumerate(things):
        shape = [polygon(box, is_triangle)]
        mask = rle.decode(rle.merge(rle.frPyObjects(shape, HEIGHT, WIDTH)))
        segmentation = {"counts": counts(mask), "size": [HEIGHT, WIDTH]} if is_crowd else shape
        x1, y1, x2, y2 = box
        annotation = {"id": first_id + number, "image_id": image, "category_id": 7 * label + 2}
        annotation |= {"iscrowd": int(is_crowd)}
        size = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": float(mask.sum())}
        annotations.append(annotation | size | {"segmentation": segmentation})
    images = [{"id": number, "file_name": f"{number}.jpg", "width": WIDTH, "height": HEIGHT} for number in range(1, 5)]
    categories = [{"id": 7 * label + 2, "name": f"class {label}"} for label in range(CLASSES)]
    return {"images": images, "annotations": annotations, "categories": categories}


def instances_of(found, image):
    here = [one for one in found if one[0][0] == image]
    masks = torch.zeros(len(here), HEIGHT, WIDTH, dtype=torch.bool)
    for mask, ((_, _, (x1, y1, x2, y2)), _, is_half) in zip(masks, here, strict=True):
        mask[y1:y2, x1 : (x1 + x2) // 2 if is_half else x2] = True
    instances = Instances((HEIGHT, WIDTH))
    instances.pred_boxes = Boxes(torch.tensor([one[0][2] for one in here], dtype=torch.float32).reshape(-1, 4))
    instances.pred_classes = torch.tensor([one[0][1] for one in here], dtype=torch.int64)
    instances.scores, instances.pred_masks = torch.tensor([one[1] for one in here], dtype=torch.float32), masks
    return instances


def measured(folder, evaluator, things, found, first_id=1, num_images=4):
    """Metrics and AP of each class of the first images."""
    (folder / "test.json").write_text(json.dumps(instances_json(things, first_id)))
    data = register_coco("few", FEW_COCO, folder)
    images = DatasetCatalog.get(data.test)[:num_images]
    inner = InstanceEvaluator(data.test, images, 1, folder, evaluator)
    inner.reset()
    for image in images:
        inner.process([image], [{"instances": instances_of(found, image["image_id"])}])
    return inner.evaluate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data root with four images, which no metric reads, and room for annotations."""
    root = tmp_path_factory.mktemp("coco")
    (root / "images").mkdir()
    return root


@pytest.fixture(autouse=True)
def _unchecked_paths(monkeypatch):
    """The images are not read, and not there."""
    monkeypatch.setattr("objectcrop.evaluate.detection.data._checked", lambda *_: frozenset())


@settings(max_examples=100)
@given(things=objects, found=detections, first_id=st.sampled_from([0, 1, 1000]), num_images=st.integers(1, 4))
@example(things=[], found=[((1, 0, whole_images[0]), 0.5, False)], first_id=1, num_images=4)
@example(things=[((1, 0, whole_images[0]), False, False)], found=[], first_id=1, num_images=4)
@example(  # more than the 100 that count of an image, in ties
    things=[((1, 0, box), False, False) for box in whole_images],
    found=[((1, 0, whole_images[n == 104]), 0.5, n % 2 == 0) for n in range(130)],
    first_id=1,
    num_images=1,
)
@example(  # an object that pycocotools never counts as found, as its id is 0
    things=[((1, 0, whole_images[0]), False, False), ((2, 0, whole_images[0]), False, False)],
    found=[((1, 0, whole_images[0]), 0.9, False), ((2, 0, whole_images[0]), 0.5, False)],
    first_id=0,
    num_images=4,
)
def test_its_numbers_are_those_of_pycocotools(folder, things, found, first_id, num_images):
    reference = measured(folder, "pycocotools", things, found, first_id, num_images)
    faster = measured(folder, "faster-coco-eval", things, found, first_id, num_images)
    for part in ("metrics", "per_class"):
        assert faster[part].keys() == reference[part].keys()
        for name, value in reference[part].items():
            assert faster[part][name] == pytest.approx(value, abs=1e-9), name
    assert all(value is None or math.isfinite(value) for value in faster["metrics"].values())


def test_the_cases_hold_what_they_say(folder):
    """A crowd takes detections without a loss, triangles tell masks from boxes, and every size has objects."""
    boxes = [(0, 0, 24, 18), (24, 18, 72, 72), (0, 0, WIDTH, HEIGHT)]
    things = [((number, 0, box), False, number == 2) for number, box in enumerate(boxes, start=1)]
    things.append(((4, 0, whole_images[0]), True, False))
    found = [((number, 0, box), 0.5, False) for number, box in enumerate([*boxes, boxes[1]], start=1)]
    metrics = measured(folder, "faster-coco-eval", things, found)["metrics"]
    assert {name: round(metrics[name], 6) for name in ("AP", "APs", "APm", "APl")} == dict.fromkeys(
        ("AP", "APs", "APm", "APl"), 100
    )
    assert metrics["mask_AP"] < 70


@pytest.mark.parametrize("evaluator", ["pycocotools", "faster-coco-eval"])
def test_a_segmenter_is_measured_by_the_evaluator_of_its_task(job, monkeypatch, evaluator):
    asked = []

    def evaluate(cfg, model, evaluator, *_):
        asked.append(type(evaluator._inner).__name__)
        return {"metrics": {}, "per_class": {}}

    monkeypatch.setattr("objectcrop.evaluate.detection.fine_tune._evaluate", evaluate)
    fine_tune(job("segmenter", settings={"evaluator": evaluator}, max_iterations=1), StopRequest())
    assert asked == [{"pycocotools": "COCOEvaluator", "faster-coco-eval": "FasterCocoEvaluator"}[evaluator]]


def test_without_its_package_nothing_is_trained(job, monkeypatch):
    known = importlib.util.find_spec
    monkeypatch.setattr(
        "objectcrop.evaluate.detection.faster_coco.find_spec",
        lambda name: None if name == "faster_coco_eval" else known(name),
    )
    tuning = job("segmenter", settings={"evaluator": "faster-coco-eval"})
    words = "test: evaluator: faster-coco-eval needs the package faster-coco-eval: install the extra 'faster-coco-eval'"
    with pytest.raises(ValueError, match=words):
        fine_tune_alone(tuning)
    assert not tuning.checkpoints.exists()
    assert_installed("pycocotools", "test")
