"""COCO's metric of drawn detections by pycocotools and by faster-coco-eval: time, memory and the largest difference.

What Detectron2 asks of either after a test: to index the detections, match them, and average, for boxes and for masks. Each
measurement is a process of its own, that starts from the same drawn annotations and detections. Prints a table and writes
benchmarks/results/coco_metric.json. Some two minutes of a free core; `--images 5000`, the size of COCO's validation set,
takes ten and 6 GiB.
"""

import argparse
import contextlib
import copy
import io
import multiprocessing
import resource
import statistics
import time
import warnings
from importlib.metadata import version
from typing import Any, NamedTuple

import faster_coco_eval
import numpy as np
import pycocotools.coco
from pycocotools import cocoeval
from pycocotools import mask as rle
from results_parts.record import record

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
    from detectron2.evaluation.coco_evaluation import _evaluate_predictions_on_coco

WIDTH, HEIGHT, NUM_CLASSES, NUM_DETECTIONS, MEAN_OBJECTS = 640, 480, 80, 100, 7.3
"""As COCO's validation images: classes, detections that count, and mean objects of an image."""
CROWD_SHARE, NEAR_SHARE = 0.01, 0.3
EVALUATORS = {
    "pycocotools": (pycocotools.coco.COCO, cocoeval.COCOeval),
    "faster-coco-eval": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
}
KINDS = {"boxes": "bbox", "masks": "segm"}
ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
DRAWN: dict[str, Any] = {}
"""Annotations and detections, which the measuring processes are born with."""


class Measured(NamedTuple):
    """What a process took for one metric, and the metric's twelve numbers."""

    processor_s: float
    peak_mib: float
    stats: list[float]


def drawn_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corners = rng.uniform(0, 1, (count, 2)) * (WIDTH - 20, HEIGHT - 20)
    sides = np.minimum(rng.lognormal(4, 1, (count, 2)), (WIDTH, HEIGHT) - corners)
    return np.concatenate([corners, sides], axis=1)


def ellipses(boxes: np.ndarray) -> list[list[float]]:
    """Polygons in boxes."""
    centres, halves = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / 2
    circle = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
    return (centres[:, None] + circle * halves[:, None]).reshape(len(boxes), 2 * len(ANGLES)).tolist()


def run_lengths(polygons: list[list[float]]) -> list[dict[str, Any]]:
    masks = rle.frPyObjects(polygons, HEIGHT, WIDTH) if polygons else []
    return [mask | {"counts": mask["counts"].decode()} for mask in masks]


def draw(num_images: int) -> None:
    """Fill DRAWN: some detections are moved objects of the same class, the others are anywhere."""
    rng, annotations, detections = np.random.default_rng(0), [], []
    for image in range(1, num_images + 1):
        objects = drawn_boxes(rng, rng.poisson(MEAN_OBJECTS))
        labels = rng.integers(1, NUM_CLASSES + 1, len(objects))
        crowds, shapes = rng.random(len(objects)) < CROWD_SHARE, ellipses(objects)
        for box, label, is_crowd, shape in zip(objects.tolist(), labels.tolist(), crowds.tolist(), shapes, strict=True):
            row = {"id": len(annotations) + 1, "image_id": image, "category_id": label, "iscrowd": int(is_crowd)}
            segmentation = run_lengths([shape])[0] if is_crowd else [shape]
            annotations.append(row | {"bbox": box, "area": box[2] * box[3], "segmentation": segmentation})
        boxes, classes = drawn_boxes(rng, NUM_DETECTIONS), rng.integers(1, NUM_CLASSES + 1, NUM_DETECTIONS)
        if len(objects):
            near, of = rng.random(NUM_DETECTIONS) < NEAR_SHARE, rng.integers(0, len(objects), NUM_DETECTIONS)
            boxes[near] = objects[of[near]] * np.exp(rng.normal(0, 0.1, (int(near.sum()), 4)))
            classes[near] = labels[of[near]]
        scores = rng.random(NUM_DETECTIONS, dtype=np.float32).tolist()
        masks = run_lengths(ellipses(boxes))
        for box, label, score, mask in zip(boxes.tolist(), classes.tolist(), scores, masks, strict=True):
            row = {"image_id": image, "category_id": label, "score": score}
            detections.append(row | {"bbox": box, "segmentation": mask})
    images = [{"id": i, "file_name": f"{i}.jpg", "width": WIDTH, "height": HEIGHT} for i in range(1, num_images + 1)]
    categories = [{"id": label, "name": str(label)} for label in range(1, NUM_CLASSES + 1)]
    DRAWN["annotations"] = {"images": images, "annotations": annotations, "categories": categories}
    DRAWN["detections"] = detections


def measure(evaluator: str, kind: str) -> Measured:
    """Index the annotations, then measure what a metric takes from there."""
    index, count = EVALUATORS[evaluator]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = index()
        truth.dataset = copy.deepcopy(DRAWN["annotations"])
        truth.createIndex()
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        counted = _evaluate_predictions_on_coco(truth, DRAWN["detections"], KINDS[kind], cocoeval_fn=count)
        processor_s = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Measured(processor_s, peak / 1024, np.asarray(counted.stats)[:12].tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000, help="images, of 100 detections each")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, in turn")
    args = parser.parse_args()
    draw(args.images)
    rows: list[dict[str, Any]] = []
    ratios, fork = {}, multiprocessing.get_context("fork")

    def add(name: str, value: float, unit: str) -> None:
        rows.append({"name": name, "value": value, "unit": unit})
        print(f"{name:40} {value:12.6g} {unit}", flush=True)

    for kind in KINDS:
        runs: dict[str, list[Measured]] = {evaluator: [] for evaluator in EVALUATORS}
        for _ in range(args.repeats):
            for evaluator, measured in runs.items():
                with fork.Pool(1) as process:
                    measured.append(process.apply(measure, (evaluator, kind)))
        seconds = {name: statistics.median(one.processor_s for one in measured) for name, measured in runs.items()}
        for name, measured in runs.items():
            add(f"{kind}, {name}, processor s", seconds[name], "s")
            add(f"{kind}, {name}, peak", max(one.peak_mib for one in measured), "MiB")
        stats = [np.array(measured[0].stats) for measured in runs.values()]
        add(f"{kind}, AP", 100 * float(stats[0][0]), "%")
        add(f"{kind}, largest difference of AP and AR", 100 * float(np.abs(stats[0] - stats[1]).max()), "%")
        ratios[kind] = seconds["pycocotools"] / seconds["faster-coco-eval"]
    result = {
        "versions": {name: version(name) for name in (*EVALUATORS, "numpy")},
        "command": f"OMP_NUM_THREADS=1 python benchmarks/coco_metric.py --images {args.images} --repeats {args.repeats}",
        "rows": rows,
        "ratios": ratios,
    }
    record("coco_metric", result)


if __name__ == "__main__":
    main()
