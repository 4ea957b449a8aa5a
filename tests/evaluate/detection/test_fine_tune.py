"""Fine-tuning on a few rectangles: it trains, measures, stops and resumes."""

import dataclasses
import signal

import pytest
import torch

from objectcrop.evaluate.detection.config import effective_norm
from objectcrop.evaluate.detection.data import register_coco, register_voc
from objectcrop.evaluate.detection.fine_tune import fine_tune, fine_tune_alone
from objectcrop.evaluate.detection.state import forget_state
from objectcrop.evaluate.detection.weights import read_detectron2
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.datasets import CocoDataset, FolderDataset, VocDataset
from objectcrop.study.settings.runs import BackboneSettings
from tests.evaluate.detection.conftest import trunk_with_statistics

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("detector", {}), ("segmenter", {}), ("segmenter", {"evaluator": "faster-coco-eval"})],
)
def test_a_short_fine_tuning_ends_in_metrics_in_percent(job, kind, settings):
    results = fine_tune(job(kind, settings=settings), StopRequest())
    assert results["metrics"].keys() == set(job(kind).task.metrics)  # which tables may name
    no_large_ones = {"APl", "mask_APl"}  # the rectangles have less than 40 x 30 px
    assert {name for name, value in results["metrics"].items() if value is None} == no_large_ones & set(
        results["metrics"]
    )
    assert all(0 <= value <= 100 for value in results["metrics"].values() if value is not None)
    assert results["per_class"].keys() == {"bar", "tile"}
    assert [image["path"].rsplit("/", 1)[1] for image in results["shown"]] == [f"test{n}.jpg" for n in range(1, 7)]
    metric = {"voc_metric": "11_points"} if kind == "detector" else {}
    assert results["details"] == {"norm": "BN", "num_test": 6, "learning_rate": 0.01} | metric


@pytest.mark.parametrize(
    ("kind", "arch"), [(k, a) for k in ("detector", "segmenter") for a in ("resnet18", "resnet50")]
)
def test_frozen_batch_norm_keeps_the_norms_of_the_run_while_the_trunk_learns(job, exported, monkeypatch, kind, arch):
    last = []
    monkeypatch.setattr(
        "objectcrop.evaluate.detection.fine_tune._evaluate", lambda cfg, model, *rest: last.append(model) or {}
    )
    trunk = trunk_with_statistics(arch, 0.125)
    backbone = BackboneSettings(arch=arch, width=0.125)
    frozen = dataclasses.replace(
        job(kind, norm="FrozenBN", max_iterations=1), backbone=backbone, weights=exported(trunk)
    )
    fine_tune(frozen, StopRequest())
    state = last[0].state_dict()
    stem = next(name for name in state if name.endswith("stem.conv1.weight")).removesuffix("weight")
    for name in ("weight", "bias", "running_mean", "running_var"):
        assert torch.equal(state[f"{stem}norm.{name}"], trunk.state_dict()[f"bn1.{name}"])
    assert not torch.equal(state[f"{stem}weight"], trunk.conv1.weight)


@pytest.mark.parametrize("lost", ["res3.0.conv1.weight", "res4.1.conv2.norm.running_var"])
def test_a_tensor_without_a_place_is_an_error_with_frozen_batch_norm_too(job, lost, monkeypatch):
    frozen = job(norm="FrozenBN")
    stored = read_detectron2(frozen.weights)
    more = stored | {f"{lost}.extra": stored[lost] + 1}
    monkeypatch.setattr("objectcrop.evaluate.detection.fine_tune.read_detectron2", lambda path: more)
    with pytest.raises(ValueError, match=rf"1 tensor\(s\) have no place in the detector, first '{lost}\.extra'"):
        fine_tune(frozen, StopRequest())


def test_one_command_at_a_time_fine_tunes_in_a_folder(job, monkeypatch):
    monkeypatch.setattr("objectcrop.evaluate.detection.fine_tune.fine_tune", lambda tuning, stop: {"metrics": {}})
    with run_lock(job().checkpoints.parent / "lock"), pytest.raises(ValueError, match="lock"):
        fine_tune_alone(job())
    assert fine_tune_alone(job()) == {"metrics": {}}


def test_rectangles_are_learnt(job):
    results = fine_tune(
        job(max_iterations=200, decay_iterations=[170], images_per_batch=4, learning_rate=0.02, regions_per_image=32),
        StopRequest(),
    )
    assert results["metrics"]["AP50"] > 20
    assert results["metrics"]["AP50"] > results["metrics"]["AP75"]


@pytest.mark.parametrize("kind", ["detector", "segmenter"])
def test_as_many_test_images_are_measured_as_asked(job, kind):
    assert fine_tune(job(kind, max_test_images=2), StopRequest())["details"]["num_test"] == 2


def test_equal_seeds_give_equal_weights(job, tmp_path, monkeypatch):
    last = []
    monkeypatch.setattr(
        "objectcrop.evaluate.detection.fine_tune._evaluate", lambda cfg, model, *rest: last.append(model) or {}
    )
    for number, seed in enumerate((0, 0, 1)):
        fine_tune(dataclasses.replace(job(), seed=seed, checkpoints=tmp_path / str(number)), StopRequest())
    first, again, other = ({name: v.clone() for name, v in model.state_dict().items()} for model in last)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


def test_a_stopped_fine_tuning_resumes_where_it_was(job, capsys):
    stop = StopRequest()
    stop.signal = signal.SIGTERM
    with pytest.raises(Stopped) as stopped:
        fine_tune(job(), stop)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert "stopped after iteration 0" in capsys.readouterr().out
    weights = job().weights
    weights.write_bytes(b"must not be read again")
    fine_tune(dataclasses.replace(job(), weights=weights), StopRequest())
    printed = capsys.readouterr().err
    assert "training: 4/4 iterations" in printed


def test_one_that_is_stopped_while_it_is_tested_does_not_train_again(job, monkeypatch):
    asked = iter([False, False, False, False])
    monkeypatch.setattr("objectcrop.evaluate.detection.training.is_asked", lambda stop: next(asked))
    stop = StopRequest()
    stop.signal = signal.SIGTERM
    with pytest.raises(Stopped):
        fine_tune(job(), stop)
    monkeypatch.undo()

    def train(*_: object) -> None:
        raise AssertionError("it trains again")

    monkeypatch.setattr("objectcrop.evaluate.detection.training._Trainer.run_step", train)
    assert fine_tune(job(), StopRequest())["details"]["num_test"] == 6


def test_a_finished_one_starts_from_scratch_after_its_state_is_forgotten(job):
    stop = StopRequest()
    stop.signal = signal.SIGINT
    with pytest.raises(Stopped):
        fine_tune(job(), stop)
    folder = job().checkpoints
    assert (folder / "state-0.pth").exists()
    forget_state(folder.parent)
    assert list(folder.glob("*.pth")) == list(folder.glob("last_checkpoint")) == []
    assert fine_tune(job(), StopRequest())["metrics"]


def test_a_loss_that_is_not_finite_ends_it_and_names_the_images(job):
    with pytest.raises(ValueError, match=r"iteration \d+: the loss is not finite \(images train\d, train\d\)"):
        fine_tune(job(learning_rate=1e12, max_iterations=20, warmup_iterations=0), StopRequest())


def test_weights_of_another_width_are_rejected(job, exported):
    wide = dataclasses.replace(job(), weights=exported(trunk_with_statistics("resnet18", 0.25)))
    with pytest.raises(ValueError, match="have no place"):
        fine_tune(wide, StopRequest())


def test_sync_batch_norm_needs_several_processes():
    assert effective_norm("SyncBN", 1) == "BN"
    assert effective_norm("SyncBN", 8) == "SyncBN"
    assert effective_norm("FrozenBN", 1) == "FrozenBN"


@pytest.mark.parametrize("metric", ["11_points", "area"])
def test_a_detector_is_measured_by_the_metric_of_its_task(job, monkeypatch, metric):
    asked = []

    def evaluate(cfg, model, evaluator, *_):
        asked.append(evaluator._is_2007)
        return {"metrics": {}, "per_class": {}}

    monkeypatch.setattr("objectcrop.evaluate.detection.fine_tune._evaluate", evaluate)
    some = job(max_iterations=1)
    named = dataclasses.replace(some, task=some.task.model_copy(update={"voc_metric": metric}))
    assert fine_tune(named, StopRequest())["details"]["voc_metric"] == metric
    assert asked == [metric == "11_points"]


@pytest.mark.shared_data
def test_voc_names_keep_the_official_order(shared):
    sets = {"train": "trainval", "test": "test"}
    parts = {split: [{"devkit": "VOCdevkit/VOC2012", "image_set": name}] for split, name in sets.items()}
    dataset = VocDataset.model_validate({"source": "voc", "parts": parts})
    registered = register_voc("mini", dataset, shared / "data" / "voc_mini")
    assert (len(registered.classes), registered.classes[0], registered.classes[-1]) == (20, "aeroplane", "tvmonitor")


def test_data_sets_of_other_layouts_are_rejected(tmp_path):
    folder = FolderDataset(source="folder", images="x")
    with pytest.raises(ValueError, match="needs source voc or drawn, got folder"):
        register_voc("some", folder, tmp_path)
    with pytest.raises(ValueError, match="needs source coco or drawn, got folder"):
        register_coco("some", folder, tmp_path)
    with pytest.raises(ValueError, match=r"needs instances of \['test'\]"):
        register_coco("some", CocoDataset(source="coco", instances={"train": "a"}, images={"train": "b"}), tmp_path)
