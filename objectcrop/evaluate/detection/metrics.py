"""Metrics of fine-tuned detectors: Detectron2's own evaluators, asked for the numbers that the tables print."""

import math
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from detectron2.evaluation import COCOEvaluator, PascalVOCDetectionEvaluator
from detectron2.evaluation.pascal_voc_evaluation import parse_rec, voc_eval
from detectron2.utils import comm

from objectcrop.evaluate.detection.faster_coco import FasterCocoEvaluator
from objectcrop.study.settings.tasks import BOX_METRICS, SIZE_METRICS, CocoMetricFrom, VocMetric

THRESHOLDS = range(50, 100, 5)


class VocEvaluator(PascalVOCDetectionEvaluator):  # type: ignore[misc]
    """Detectron2's VOC metric over the classes that have a test object.

    On VOC's own test set those are all twenty and the numbers are Detectron2's. On a small set a class without an object
    would make every mean undefined.
    """

    def __init__(self, dataset_name: str, images: list[dict[str, Any]], metric: VocMetric) -> None:
        """Measure these images of a registered devkit.

        Args:
            dataset_name: registered name of the devkit.
            images: records of the images, as the catalog returns them.
            metric: how the average precision of a class is counted; the name of the devkit does not matter.
        """
        super().__init__(dataset_name)
        self._is_2007 = metric == "11_points"
        self._ids = [str(image["image_id"]) for image in images]

    def evaluate(self) -> dict[str, Any]:
        """Return AP (mean over IoU .5:.95), AP50 and AP75 in percent, and AP of each class."""
        gathered = comm.gather(self._predictions, dst=0)
        if not comm.is_main_process():
            return {}
        lines: dict[int, list[str]] = defaultdict(list)
        for predictions in gathered:
            for class_id, class_lines in predictions.items():
                lines[class_id] += class_lines
        files = [self._anno_file_template.format(image_id) for image_id in self._ids]
        test_names = {thing["name"] for file in files for thing in parse_rec(file) if not thing["difficult"]}
        present = [class_id for class_id, name in enumerate(self._class_names) if name in test_names]
        aps = {self._class_names[class_id]: self._class_aps(class_id, lines.get(class_id, [])) for class_id in present}
        table = np.array(list(aps.values()))
        by_threshold = dict(zip(THRESHOLDS, table.mean(axis=0).tolist(), strict=True))
        metrics = {"AP": float(table.mean()), "AP50": by_threshold[50], "AP75": by_threshold[75]}
        per_class = {name: float(np.mean(aps[name])) if name in aps else None for name in self._class_names}
        return {"metrics": metrics, "per_class": per_class}

    def _class_aps(self, class_id: int, lines: list[str]) -> list[float]:
        name = self._class_names[class_id]
        with tempfile.TemporaryDirectory(prefix="objectcrop_voc_") as folder:
            template, image_set = str(Path(folder) / "{}.txt"), Path(folder) / "image-set"
            image_set.write_text("".join(f"{image_id}\n" for image_id in self._ids), encoding="utf-8")
            Path(template.format(name)).write_text("\n".join(lines), encoding="utf-8")
            values = []
            for threshold in THRESHOLDS:
                *_, ap = voc_eval(
                    template,
                    self._anno_file_template,
                    str(image_set),
                    name,
                    ovthresh=threshold / 100,
                    use_07_metric=self._is_2007,
                )
                values.append(0.0 if math.isnan(ap) else 100 * float(ap))
            return values


class InstanceEvaluator:
    """Detectron2's COCO metric, boxes and masks, under the names that our tables use."""

    def __init__(
        self,
        dataset_name: str,
        images: list[dict[str, Any]],
        num_processes: int,
        folder: Path,
        evaluator: CocoMetricFrom = "pycocotools",
    ) -> None:
        """Measure these images of a registered data set.

        Args:
            dataset_name: registered name of the data set.
            images: records of the images, as the catalog returns them.
            num_processes: whose predictions are gathered.
            folder: for Detectron2's files of predictions.
            evaluator: what computes the metric.
        """
        self._ids = [image["image_id"] for image in images]
        inner = COCOEvaluator if evaluator == "pycocotools" else FasterCocoEvaluator
        self._inner = inner(dataset_name, ("bbox", "segm"), num_processes > 1, str(folder), use_fast_impl=False)

    def reset(self) -> None:
        """Forget what was processed."""
        self._inner.reset()

    def process(self, inputs: Any, outputs: Any) -> None:
        """Take the predictions of a batch."""
        self._inner.process(inputs, outputs)

    def evaluate(self) -> dict[str, Any]:
        """Return metrics in percent; a model without any prediction has AP 0, as COCO counts it, a size without an object None."""
        results = self._inner.evaluate(img_ids=self._ids)
        if not comm.is_main_process():
            return {}
        metrics: dict[str, float | None] = {}
        per_class: dict[str, float | None] = {}
        for kind, prefix in (("bbox", ""), ("segm", "mask_")):
            values = results.get(kind, {})
            for name in BOX_METRICS:
                metrics[prefix + name] = _or(0.0, values.get(name, math.nan))
            for name in SIZE_METRICS:
                metrics[prefix + name] = _or(None, values.get(name, math.nan))
            if kind == "bbox":
                per_class = {
                    name.removeprefix("AP-"): None if math.isnan(value) else float(value)
                    for name, value in values.items()
                    if name.startswith("AP-")
                }
        return {"metrics": metrics, "per_class": per_class}


def _or(instead: float | None, value: float) -> float | None:
    return instead if math.isnan(value) else float(value)
