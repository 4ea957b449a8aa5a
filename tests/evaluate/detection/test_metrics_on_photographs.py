"""Metrics on the minis of VOC and COCO, of noisy predictions: equal to pycocotools itself, and to plain loops over the XML."""

import contextlib
import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog
from detectron2.structures import Boxes, Instances
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from objectcrop.evaluate.detection.data import register_coco, register_voc
from objectcrop.evaluate.detection.metrics import InstanceEvaluator, VocEvaluator
from objectcrop.study.settings.datasets import CocoDataset, VocDataset

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
COCO_STATS = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5}


def noisy(image, rng, num_classes, some_scores):
    """Boxes near the objects, some of another class, with masks that are the boxes cut at their diagonal."""
    height, width = image["height"], image["width"]
    boxes, classes, scores, masks = [], [], [], []
    for thing in image["annotations"]:
        x, y, w, h = (
            thing["bbox"] if thing["bbox_mode"] == 1 else np.subtract(thing["bbox"], [0, 0, *thing["bbox"][:2]])
        )
        for spread in (0.02, 0.2):
            x1, y1 = x + rng.normal(0, spread * w), y + rng.normal(0, spread * h)
            x2, y2 = x + w + rng.normal(0, spread * w), y + h + rng.normal(0, spread * h)
            box = [max(0, min(x1, x2)), max(0, min(y1, y2)), min(width, max(x1, x2)), min(height, max(y1, y2))]
            mask = torch.zeros(height, width, dtype=torch.bool)
            left, top, right, bottom = map(round, box)
            mask[top:bottom, left:right] = True
            boxes.append(box)
            masks.append(mask)
            classes.append(thing["category_id"] if rng.random() < 0.8 else int(rng.integers(num_classes)))
            scores.append(next(some_scores))
    instances = Instances((height, width))
    instances.pred_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
    instances.pred_classes = torch.tensor(classes, dtype=torch.int64)
    instances.scores = torch.tensor(scores)
    instances.pred_masks = torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool)
    return instances


def measured(evaluator, images, outputs):
    evaluator.reset()
    for image, instances in zip(images, outputs, strict=True):
        evaluator.process([image], [{"instances": instances}])
    return evaluator.evaluate()


def as_coco(images, outputs, ids):
    for image, found in zip(images, outputs, strict=True):
        for box, score, label, mask in zip(
            found.pred_boxes.tensor.tolist(),
            found.scores.tolist(),
            found.pred_classes.tolist(),
            found.pred_masks,
            strict=True,
        ):
            yield {
                "image_id": image["image_id"],
                "category_id": ids[label],
                "score": score,
                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                "segmentation": rle.encode(np.asfortranarray(mask.numpy().astype(np.uint8))),
            }


@pytest.mark.parametrize("evaluator", ["pycocotools", "faster-coco-eval"])
def test_coco_s_metrics_are_those_of_pycocotools_itself(shared, tmp_path, evaluator):
    root = shared / "data" / "coco_mini"
    files = {"train": "annotations/instances_train2017.json", "test": "annotations/instances_val2017.json"}
    dataset = CocoDataset(source="coco", instances=files, images={"train": "train2017", "test": "val2017"})
    data = register_coco("mini", dataset, root)
    images, rng = DatasetCatalog.get(data.test), np.random.default_rng(0)
    some_scores = iter(rng.random(5000))
    outputs = [noisy(image, rng, len(data.classes), some_scores) for image in images]
    metrics = measured(InstanceEvaluator(data.test, images, 1, tmp_path, evaluator), images, outputs)["metrics"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(root / files["test"]))
        predictions = list(as_coco(images, outputs, sorted(truth.getCatIds())))
        for kind, prefix in (("bbox", ""), ("segm", "mask_")):
            values = [{k: v for k, v in one.items() if k != "bbox" or kind == "bbox"} for one in predictions]
            evaluation = COCOeval(truth, truth.loadRes(values), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            for name, place in COCO_STATS.items():
                assert metrics[prefix + name] == pytest.approx(100 * evaluation.stats[place], abs=1e-9), prefix + name
    assert 5 < metrics["AP"] < 95


def slow_class_ap(detections, truths, threshold, recalls):
    """Average precision in percent by VOC's rules: difficult objects count neither as found nor as missed."""
    num_objects = sum(not difficult for things in truths.values() for _, difficult in things)
    taken, hits = set(), []
    for image, _, box in sorted(detections, key=lambda one: -one[1]):
        overlaps = [iou(box, thing) for thing, _ in truths.get(image, [])]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or overlaps[best] <= threshold:
            hits.append(False)
        elif not truths[image][best][1]:
            hits.append((image, best) not in taken)
            taken.add((image, best))
    found = np.cumsum(hits) if hits else np.zeros(0)
    precision, recall = found / (np.arange(len(hits)) + 1), found / num_objects
    points = recalls if recalls is not None else np.arange(1, num_objects + 1) / num_objects
    best = [
        max((p for p, r in zip(precision, recall, strict=True) if r >= point - 1e-12), default=0.0) for point in points
    ]
    return 100 * float(np.mean(best))


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("metric", ["11_points", "area"])
def test_voc_s_metrics_are_those_of_loops_over_the_xml(shared, metric):
    root = shared / "data" / "voc_mini"
    sets = {"train": "test", "test": "trainval"}  # the larger one is measured
    parts = {split: [{"devkit": "VOCdevkit/VOC2012", "image_set": name}] for split, name in sets.items()}
    data = register_voc("mini", VocDataset.model_validate({"source": "voc", "parts": parts}), root)
    images, rng = DatasetCatalog.get(data.test), np.random.default_rng(0)
    some_scores = iter((rng.permutation(999) + 1) / 1000)  # none twice: the order of equal ones is not defined
    outputs = [noisy(image, rng, len(data.classes), some_scores) for image in images]
    result = measured(VocEvaluator(data.test, images, metric), images, outputs)
    truths = {name: {} for name in data.classes}
    for image in images:
        xml = ElementTree.parse(root / "VOCdevkit/VOC2012/Annotations" / f"{image['image_id']}.xml")
        for thing in xml.findall("object"):
            box = [int(float(thing.findtext(f"bndbox/{side}"))) for side in ("xmin", "ymin", "xmax", "ymax")]
            things = truths[thing.findtext("name")].setdefault(image["image_id"], [])
            things.append((box, thing.findtext("difficult") == "1"))
    present = [name for name in data.classes if any(not hard for things in truths[name].values() for _, hard in things)]
    assert any(hard for of_class in truths.values() for things in of_class.values() for _, hard in things)
    recalls = np.arange(0, 1.1, 0.1) if metric == "11_points" else None
    found = {name: [] for name in data.classes}
    for image, instances in zip(images, outputs, strict=True):
        for box, score, label in zip(
            instances.pred_boxes.tensor.tolist(),
            instances.scores.tolist(),
            instances.pred_classes.tolist(),
            strict=True,
        ):
            # as the evaluator's files hold them: 1-based, scores of three decimals, boxes of one
            shown = [float(f"{value + more:.1f}") for value, more in zip(box, (1, 1, 0, 0), strict=True)]
            found[data.classes[label]].append((image["image_id"], float(f"{score:.3f}"), shown))
    for threshold, name in ((0.5, "AP50"), (0.75, "AP75")):
        aps = [slow_class_ap(found[one], truths[one], threshold, recalls) for one in present]
        assert result["metrics"][name] == pytest.approx(float(np.mean(aps)), abs=1e-6)
    assert 5 < result["metrics"]["AP50"] < 95
