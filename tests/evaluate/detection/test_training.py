"""What a fine-tuning leaves on its way: scalars of each iteration once, the detector, repeats; and heads of C4 with masks."""

import dataclasses
import json
import signal
import statistics

import pytest
import torch
from detectron2.config import get_cfg
from detectron2.modeling import build_model
from detectron2.structures import Boxes, BoxMode, Instances

from objectcrop.evaluate.detection import training
from objectcrop.evaluate.detection.fine_tune import fine_tune, fine_tune_alone
from objectcrop.evaluate.detection.repeats import joined, repeats_of
from objectcrop.evaluate.detection.shown import shown_image
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.tasks import DetectionSchedule

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def stopped_after(number, monkeypatch):
    asked = iter([False] * number + [True])
    monkeypatch.setattr(training, "is_asked", lambda stop: next(asked))
    stop = StopRequest()
    stop.signal = signal.SIGTERM
    return stop


def test_losses_rates_and_times_of_each_iteration_are_written_once_though_it_was_stopped(job, monkeypatch):
    monkeypatch.setattr(training, "WRITE_EVERY", 1)
    some = job(decay_iterations=[2])
    with pytest.raises(Stopped):
        fine_tune(some, stopped_after(1, monkeypatch))
    monkeypatch.undo()
    monkeypatch.setattr(training, "WRITE_EVERY", 1)
    path = some.checkpoints / "metrics.jsonl"
    with path.open("a") as file:
        file.write(
            '{"iteration": 2, "total_loss": 1.0}\n{"iterat'
        )  # of an attempt that was killed after its last state
    fine_tune(some, StopRequest())
    written = lines(some.checkpoints)
    assert [line["iteration"] for line in written] == [0, 1, 2, 3]
    losses = {"loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_rpn_loc"}
    for line in written:
        assert line.keys() >= losses | {"lr", "data_time"}
        assert line["total_loss"] == pytest.approx(sum(line[name] for name in losses))
    assert [line["lr"] for line in written[1:]] == pytest.approx([0.01, 0.001, 0.001])


def test_batch_norm_is_precise_though_a_stop_was_asked_for_at_the_last_iteration(job, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "objectcrop.evaluate.detection.fine_tune._evaluate", lambda cfg, model, *rest: seen.append(model) or {}
    )
    whole = job()
    fine_tune(whole, StopRequest())
    late = dataclasses.replace(whole, checkpoints=whole.checkpoints.with_name("late"))
    with pytest.raises(Stopped):
        fine_tune(late, stopped_after(3, monkeypatch))
    fine_tune(late, StopRequest())
    expected, found = (model.state_dict() for model in seen)
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_a_learning_rate_is_scaled_from_the_batch_that_it_is_meant_for_and_printed(job, capsys):
    assert DetectionSchedule(images_per_batch=4).scaled_learning_rate == 0.02
    schedule = DetectionSchedule(images_per_batch=4, learning_rate_images=16)
    assert schedule.scaled_learning_rate == 0.005
    results = fine_tune(job(learning_rate=0.04, learning_rate_images=8, max_iterations=1), StopRequest())
    assert results["details"]["learning_rate"] == pytest.approx(0.01)
    assert "learning rate 0.01 at 2 images per step (0.04 at 8, scaled linearly)" in capsys.readouterr().err


def test_a_detector_that_is_kept_is_what_detectron2_builds_and_loads(job, monkeypatch):
    last = []
    monkeypatch.setattr(
        "objectcrop.evaluate.detection.fine_tune._evaluate", lambda cfg, model, *rest: last.append(model) or {}
    )
    some = job(settings={"keep_detector": True}, max_iterations=1)
    fine_tune(some, StopRequest())
    cfg = get_cfg()
    cfg.merge_from_file(str(some.checkpoints / "detector.yaml"))
    model = build_model(cfg)
    stored = torch.load(some.checkpoints / "detector.pth", weights_only=True)["model"]
    model.load_state_dict(stored)
    assert all(torch.equal(value, stored[name]) for name, value in last[0].state_dict().items())


def test_repeats_have_seeds_of_their_own_and_give_mean_and_deviation(job, monkeypatch):
    seeds, values = [], iter([10.0, 20.0, 60.0])

    def measured(tuning, stop):
        seeds.append(tuning.seed)
        if len(seeds) == 2 and not hasattr(monkeypatch, "was_stopped"):
            monkeypatch.was_stopped = True
            raise Stopped(143)
        tuning.checkpoints.mkdir(parents=True)
        value = next(values)
        return {
            "metrics": {"AP": value, "APs": None if value == 60 else value},
            "per_class": {"bar": value, "tile": None},
            "details": {"num_test": 6},
            "precision": "float32",
        }

    monkeypatch.setattr("objectcrop.evaluate.detection.fine_tune.fine_tune", measured)
    some = job(settings={"repeats": 3})
    with pytest.raises(Stopped):
        fine_tune_alone(some)
    result = fine_tune_alone(some)
    assert seeds == [seeds[0], seeds[1], seeds[1], seeds[3]], "the first one, which was finished, is not made again"
    assert len(set(seeds)) == 3
    assert result["metrics"] == {"AP": 30.0, "APs": None}
    assert result["per_class"] == {"bar": 30.0, "tile": None}
    assert result["details"]["deviation"]["AP"] == pytest.approx(statistics.stdev([10, 20, 60]))
    assert [values["AP"] for values in result["details"]["repeats"]] == [10.0, 20.0, 60.0]
    assert result["details"]["num_test"] == 6


def test_one_fine_tuning_is_its_own_result(job):
    assert repeats_of(job()) == [job()]
    assert joined([{"metrics": {"AP": 1.0}}]) == {"metrics": {"AP": 1.0}}


def test_what_is_shown_of_an_image_is_its_objects_and_the_best_boxes_that_are_not_hopeless(tmp_path):
    found = Instances((60, 80))
    corners = [[0.0, 0, 10, 10], [5, 5, 20, 20], [1, 1, 2, 2], *[[0.0, 0, 1, 1]] * 9]
    found.pred_boxes, found.pred_classes = Boxes(torch.tensor(corners)), torch.tensor([0, 1, 1] + [0] * 9)
    found.scores = torch.tensor([0.5, 0.9, 0.05] + [0.2] * 9)
    things = [{"bbox": [10, 20, 30, 15], "bbox_mode": BoxMode.XYWH_ABS}]
    record = {"file_name": str(tmp_path / "a/b.jpg"), "annotations": things}
    shown = shown_image(record, found, ["bar", "tile"], tmp_path)
    assert shown["path"] == "a/b.jpg"
    assert shown["objects"] == [[10, 20, 40, 35]]
    assert shown["words"][:2] == ["tile 0.90", "bar 0.50"]
    assert shown["boxes"][0] == [5, 5, 20, 20]
    assert len(shown["boxes"]) == 8
    assert json.loads(json.dumps(shown)) == shown


def test_mask_r_cnn_c4_measures_boxes_and_masks_and_ends_its_head_in_a_norm(job, monkeypatch):
    last = []
    from objectcrop.evaluate.detection import fine_tune as module

    inner = module._evaluate
    monkeypatch.setattr(module, "_evaluate", lambda cfg, model, *rest: last.append(model) or inner(cfg, model, *rest))
    some = job("segmenter", settings={"head": "c4"})
    results = fine_tune(some, StopRequest())
    assert results["metrics"].keys() == set(some.task.metrics)
    names = last[0].state_dict().keys()
    assert "roi_heads.res5.norm.weight" in names
    assert any(name.startswith("roi_heads.mask_head.deconv") for name in names)
    assert not any("fpn" in name for name in names)
