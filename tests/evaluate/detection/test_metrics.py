"""The metrics of detection: VOC's against plain loops, and COCO's on perfect masks."""

import math
import shutil

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog
from detectron2.structures import Boxes, Instances

from objectcrop.evaluate.detection.data import register_coco, register_voc
from objectcrop.evaluate.detection.metrics import InstanceEvaluator, VocEvaluator
from objectcrop.study.settings.datasets import VocDataset
from tests.evaluate.detection.conftest import DRAWN, SIZE

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")


def slow_voc_ap(detections, truths, threshold, metric):
    """AP in percent of one class, at 11 recalls (VOC 2007) or as the area (VOC 2010).

    Detections are matched greedily by score; boxes are (image, x1, y1, x2, y2), 1-based inclusive.
    """
    taken, hits = set(), []
    for image, _, box in sorted(detections, key=lambda detection: -detection[1]):
        best, best_iou = None, threshold
        for number, (image_of, truth) in enumerate(truths):
            width = min(box[2], truth[2]) - max(box[0], truth[0]) + 1
            height = min(box[3], truth[3]) - max(box[1], truth[1]) + 1
            if image_of != image or width <= 0 or height <= 0:
                continue
            areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, truth)]
            overlap = width * height / (sum(areas) - width * height)
            if overlap > best_iou:
                best, best_iou = number, overlap
        hits.append(best is not None and best not in taken)
        taken.add(best)
    recalls = np.arange(0, 1.1, 0.1) if metric == "11_points" else [n / len(truths) for n in range(1, len(truths) + 1)]
    points = []
    for recall in recalls:
        precisions = [
            sum(hits[: n + 1]) / (n + 1) for n in range(len(hits)) if sum(hits[: n + 1]) / len(truths) >= recall
        ]
        points.append(max(precisions, default=0.0))
    return 100 * sum(points) / len(recalls)


def noisy_detections(images):
    """Two boxes for each object, near it, with scores: what a detector outputs, and objects and boxes of each class."""
    rng = np.random.default_rng(3)
    outputs, detections, truths = [], {0: [], 1: []}, {0: [], 1: []}
    for image in images:
        boxes, scores, classes = [], [], []
        for thing in image["annotations"]:
            x1, y1, x2, y2 = thing["bbox"]
            truths[thing["category_id"]].append((image["image_id"], (x1 + 1, y1 + 1, x2, y2)))
            for spread in (2, 8):
                moved = np.round(np.array(thing["bbox"]) + rng.normal(0, spread, 4))
                boxes.append(moved)
                scores.append(round(float(rng.random()), 3))
                classes.append(thing["category_id"])
        for box, score, class_id in zip(boxes, scores, classes, strict=True):
            voc_box = (box[0] + 1, box[1] + 1, box[2], box[3])
            detections[class_id].append((image["image_id"], score, voc_box))
        instances = Instances((SIZE[1], SIZE[0]))
        instances.pred_boxes = Boxes(torch.tensor(np.stack(boxes), dtype=torch.float32))
        instances.scores, instances.pred_classes = torch.tensor(scores), torch.tensor(classes)
        outputs.append(instances)
    return outputs, detections, truths


def measured(evaluator, images, outputs):
    evaluator.reset()
    for image, instances in zip(images, outputs, strict=True):
        evaluator.process([image], [{"instances": instances}])
    return evaluator.evaluate()["metrics"]


@pytest.mark.parametrize("metric", ["11_points", "area"])
def test_the_voc_metric_equals_its_loops(drawn_root, metric):
    data = register_voc("few", DRAWN, drawn_root)
    images = DatasetCatalog.get(data.test)
    outputs, detections, truths = noisy_detections(images)
    metrics = measured(VocEvaluator(data.test, images, metric), images, outputs)
    for threshold, name in ((0.5, "AP50"), (0.75, "AP75")):
        expected = np.mean([slow_voc_ap(detections[c], truths[c], threshold, metric) for c in (0, 1)])
        assert metrics[name] == pytest.approx(expected, abs=1e-9)
        assert 0 < expected < 100


def test_the_voc_metric_does_not_depend_on_the_name_of_the_devkit(drawn_root, tmp_path):
    shutil.copytree(drawn_root / "drawn/few/VOC2007", tmp_path / "renamed")
    parts = {s: [{"devkit": "renamed", "image_set": n}] for s, n in (("train", "trainval"), ("test", "test"))}
    renamed = VocDataset.model_validate({"source": "voc", "parts": parts})
    data = register_voc("few", DRAWN, drawn_root), register_voc("renamed", renamed, tmp_path)
    images = DatasetCatalog.get(data[0].test)
    outputs, _, _ = noisy_detections(images)
    points = [measured(VocEvaluator(some.test, images, "11_points"), images, outputs) for some in data]
    areas = [measured(VocEvaluator(some.test, images, "area"), images, outputs) for some in data]
    assert points[0] == points[1]
    assert areas[0] == areas[1]
    assert points[0] != areas[0]


def test_no_detection_at_all_is_zero_and_a_class_without_test_object_is_none(drawn_root):
    data = register_voc("few", DRAWN, drawn_root)
    images = DatasetCatalog.get(data.test)[:2]
    evaluator = VocEvaluator(data.test, images, "11_points")
    evaluator._class_names = [*evaluator._class_names, "nowhere"]
    evaluator.reset()
    results = evaluator.evaluate()
    assert results["metrics"] == {"AP": 0.0, "AP50": 0.0, "AP75": 0.0}
    assert results["per_class"] == {"bar": 0.0, "tile": 0.0, "nowhere": None}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_perfect_masks_have_ap_100_also_on_some_of_the_images(drawn_root, tmp_path):
    data = register_coco("few", DRAWN, drawn_root)
    images = DatasetCatalog.get(data.test)[:3]
    evaluator = InstanceEvaluator(data.test, images, 1, tmp_path)
    evaluator.reset()
    for image in images:
        instances = Instances((SIZE[1], SIZE[0]))
        corners = [(x, y, x + w, y + h) for x, y, w, h in (thing["bbox"] for thing in image["annotations"])]
        masks = torch.zeros(len(corners), SIZE[1], SIZE[0], dtype=torch.bool)
        for mask, (x1, y1, x2, y2) in zip(masks, corners, strict=True):
            mask[y1:y2, x1:x2] = True
        instances.pred_boxes, instances.pred_masks = Boxes(torch.tensor(corners, dtype=torch.float32)), masks
        instances.scores = torch.ones(len(corners))
        instances.pred_classes = torch.tensor([thing["category_id"] for thing in image["annotations"]])
        evaluator.process([image], [{"instances": instances}])
    results = evaluator.evaluate()
    assert {name for name, value in results["metrics"].items() if value is None} == {
        "APl",
        "mask_APl",
    }  # no object is large
    assert all(math.isclose(value, 100, abs_tol=1e-6) for value in results["metrics"].values() if value is not None)
