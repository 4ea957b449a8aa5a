"""Which average precision the presets ask of a detector: VOC 2007's 11 points on its test set, the area later."""

import pytest
import yaml
from pydantic import ValidationError

from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.tasks import DetectorTask


def metrics_by_test_set(root, preset):
    """(devkit of the test part, metric) of each detector task on a VOC data set."""
    study = load_plan(yaml.safe_load((root / f"presets/{preset}.yaml").read_text())).study
    tasks = [task for task in study.tasks.values() if isinstance(task, DetectorTask)]
    return {(study.datasets[task.dataset].parts["test"][0].devkit, task.voc_metric) for task in tasks}


@pytest.mark.parametrize(
    ("preset", "devkit", "metric"),
    [
        ("minis", "voc_mini/VOCdevkit/VOC2012", "area"),
        ("ohms", "VOCdevkit/VOC2007", "11_points"),
        ("paper", "VOCdevkit/VOC2007", "11_points"),
    ],
)
def test_presets_count_as_the_year_of_their_test_set(root, preset, devkit, metric):
    assert metrics_by_test_set(root, preset) == {(devkit, metric)}


def test_the_metric_is_11_points_unless_the_task_asks_for_the_area():
    task = {"kind": "detector", "dataset": "d"}
    assert DetectorTask.model_validate(task).voc_metric == "11_points"
    assert DetectorTask.model_validate(task | {"voc_metric": "area"}).voc_metric == "area"
    with pytest.raises(ValidationError, match="'11_points' or 'area'"):
        DetectorTask.model_validate(task | {"voc_metric": "2012"})
