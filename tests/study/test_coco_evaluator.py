"""Which program computes COCO's metric: a choice of segmenters, and of no other task."""

import pytest
from pydantic import ValidationError

from objectcrop.study.settings.section import recorded
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask

TASK = {"kind": "segmenter", "dataset": "d"}


def test_it_is_pycocotools_unless_the_task_asks_for_the_faster_one():
    assert SegmenterTask.model_validate(TASK).evaluator == "pycocotools"
    assert SegmenterTask.model_validate(TASK | {"evaluator": "faster-coco-eval"}).evaluator == "faster-coco-eval"
    with pytest.raises(ValidationError, match="'pycocotools' or 'faster-coco-eval'"):
        SegmenterTask.model_validate(TASK | {"evaluator": "hotcoco"})
    with pytest.raises(ValidationError, match="evaluator"):
        DetectorTask.model_validate(TASK | {"kind": "detector", "evaluator": "faster-coco-eval"})


def test_only_another_one_than_the_reference_is_recorded():
    # so that results which are older than the choice stay as they are
    assert "evaluator" not in recorded(SegmenterTask.model_validate(TASK))
    assert recorded(SegmenterTask.model_validate(TASK | {"evaluator": "faster-coco-eval"}))["evaluator"]
