"""Every misfit is named by the path of its setting, with what to do; a sound study has none."""

import pytest

from objectcrop.study.loading import StudyError, examine, load_study
from objectcrop.study.settings.tasks import DetectorTask, LinearTask, SegmenterTask, SemanticSegmenterTask
from tests.study.checks.conftest import changed
from tests.study.checks.misfits import MISFITS


def problems_of(config):
    return list(dict.fromkeys(examine(config).problems))


def test_a_sound_study_has_no_problem(config):
    assert problems_of(config) == []


@pytest.mark.parametrize(("path", "value", "problem"), MISFITS)
def test_a_misfit_is_named_with_its_path_and_what_to_do(config, path, value, problem):
    problems = problems_of(changed(config, path, value))
    if problem is None:
        assert problems == []
    else:
        assert [text for text in problems if text.startswith(problem)], problems


def test_all_misfits_are_one_message(config):
    """Of entries of their own, so that none hides or brings another."""
    entries = ("ohms", "both", "vgg", "cuts", "given", "swav", "linear")
    planted = {path[1]: (path, value, problem) for path, value, problem in MISFITS if path[1:2] and path[1] in entries}
    planted["seeds"] = (("seeds",), [1, 1], "seeds.1: 1 is in the list already")
    for path, value, _ in planted.values():
        config = changed(config, path, value)
    with pytest.raises(StudyError) as caught:
        load_study(config)
    for _, _, problem in planted.values():
        assert problem in str(caught.value)
    assert f"{len(planted)} problem(s)" in str(caught.value)


def test_a_run_that_is_not_trained_has_no_misfit_of_training(config):
    config["runs"]["random-init"] |= {"moco": {"queue_length": 1000}, "resources": {"gpus": 3}}
    assert problems_of(config) == []


def test_what_depends_on_a_data_set_that_is_not_there_is_no_problem_of_its_own(config):
    del config["datasets"]["drawn"]
    assert problems_of(config) == [
        f"datasets.{name}.of: there is no data set 'drawn'; there are: ohms, rare, voc, coco, ade, photos, both, fetched, kept"
        for name in ("ohms", "rare")
    ]


def test_metrics_of_fine_tunings_are_those_of_boxes_and_masks():
    boxes = DetectorTask(kind="detector", dataset="d").metrics
    assert boxes == ("AP", "AP50", "AP75")
    by_size = (*boxes, "APs", "APm", "APl")
    assert SegmenterTask(kind="segmenter", dataset="d").metrics == (*by_size, *(f"mask_{name}" for name in by_size))
    assert SemanticSegmenterTask(kind="semantic_segmenter", dataset="d").metrics == ("mIoU", "pixel_accuracy")
    assert "top1" in LinearTask(kind="linear", dataset="d", labels="single").metrics
    assert "top1" not in LinearTask(kind="linear", dataset="d").metrics
