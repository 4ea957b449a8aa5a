"""Detectron2's COCO metric, computed by faster-coco-eval: the numbers of pycocotools in a fraction of the time."""

import itertools
from importlib.util import find_spec
from typing import Any

from detectron2.evaluation import COCOEvaluator
from detectron2.evaluation.coco_evaluation import _evaluate_predictions_on_coco

from objectcrop.study.settings.tasks import CocoMetricFrom

PACKAGES = {"pycocotools": "pycocotools", "faster-coco-eval": "faster_coco_eval"}
"""The package that each choice of a task imports."""


def assert_installed(evaluator: CocoMetricFrom, label: str) -> None:
    """Check that the package of an evaluator is here: training takes long, and the metric comes last.

    Args:
        evaluator: of the task.
        label: of the task, for the message.

    Raises:
        ValueError: if it is not.
    """
    if find_spec(PACKAGES[evaluator]) is None:
        raise ValueError(
            f"{label}: evaluator: {evaluator} needs the package {evaluator}: install the extra 'faster-coco-eval' of this "
            "project (make setup does), or leave the setting out"
        )


class FasterCocoEvaluator(COCOEvaluator):  # type: ignore[misc]
    """Detectron2's COCO evaluator, with the counting of faster-coco-eval in place of pycocotools'."""

    _coco_api: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of Detectron2's evaluator."""
        from faster_coco_eval import COCO

        super().__init__(*args, **kwargs)
        self._coco_api = COCO(self._coco_api.dataset)
        self._do_evaluation = False  # the inherited method then only names the categories and writes its file

    def _eval_predictions(self, predictions: list[dict[str, Any]], img_ids: Any = None) -> None:
        from faster_coco_eval import COCOeval_faster

        super()._eval_predictions(predictions, img_ids)
        found = list(itertools.chain.from_iterable(image["instances"] for image in predictions))
        for kind in self._tasks:
            counted = None
            if found:
                counted = _evaluate_predictions_on_coco(
                    self._coco_api, found, kind, cocoeval_fn=COCOeval_faster, img_ids=img_ids
                )
            self._results[kind] = self._derive_coco_results(counted, kind, self._metadata.thing_classes)
