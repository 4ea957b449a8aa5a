"""Runs that cannot work are rejected, and what is worth a warning is reported."""

import os

import pytest

from objectcrop.ssl.checks import find_problems, find_warnings
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.training.checkpoints import METRICS


def test_a_second_trainer_in_the_same_folder_is_rejected(tables, request_of, tmp_path):
    from objectcrop.runtime.lock import run_lock

    with run_lock(tmp_path / "c" / "lock"), pytest.raises(ValueError, match=f"another process trains.*{os.getpid()}"):
        pretrain(request_of(), tables, tmp_path / "c")


def test_a_loss_that_is_not_finite_stops_with_step_and_images(tables, request_of, tmp_path):
    with pytest.raises(ValueError, match=r"loss of step \d+ is (nan|inf) \(images i\d\d, i\d\d"):
        pretrain(request_of(optimizer={"learning_rate": 1e30}), tables, tmp_path / "c")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"moco": {"queue_length": 18}}, "moco.queue_length: 18 is not a multiple of .*size 4; take 16 or 20"),
        ({"optimizer": {"global_batch_size": 64}, "moco": {"queue_length": 64}}, "16 training images do not fill"),
        ({"backbone": {"arch": "resnt18"}}, "'resnt18': torchvision has no such network; near are .*'resnet18'"),
        (
            {"backbone": {"arch": "timm:resnt18"}},
            "'timm:resnt18': timm has no such network; near are .*'timm:resnet18'",
        ),
        (
            {"backbone": {"arch": "mobilenet_v3_small"}},
            "backbone.width: only resnet18, .* can have another than 1.0, mobilenet_v3_small cannot",
        ),
        (
            {"method": "swav", "swav": {"num_prototypes": 8, "queue_length": 6}},
            "swav.queue_length: 6 is not a multiple",
        ),
        ({"moco": {"batch_norm_group": 1}}, "moco.batch_norm_group: 1"),
    ],
)
def test_runs_that_cannot_work_are_rejected_before_any_work(tables, request_of, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        pretrain(request_of(**changes), tables, tmp_path / "c")
    assert not (tmp_path / "c" / METRICS).exists()


@pytest.mark.parametrize(
    ("changes", "world_size", "message"),
    [
        (
            {"optimizer": {"global_batch_size": 4}},
            4,
            "leaves each of the 4 processes (resources.gpus) one image",
        ),
        (
            {"optimizer": {"global_batch_size": 4}},
            3,
            "optimizer.global_batch_size: 4 is not a multiple of the 3 processes",
        ),
        ({"moco": {"queue_length": 18}}, 2, "18 is not a multiple of optimizer.global_batch_size 4"),
    ],
)
def test_problems_of_several_processes_are_one_sentence_each(request_of, changes, world_size, message):
    run = request_of(**changes).run
    problems = find_problems(run, num_images=16, world_size=world_size, has_proposals=True)
    assert [problem for problem in problems if message in problem]
    assert all(problem.count(". ") == 0 for problem in problems)


def test_a_loss_without_its_proposals_and_a_neighbour_vote_without_labels_are_rejected(request_of, tables, tmp_path):
    with pytest.raises(ValueError, match=r"views.proposals: is missing; views.regions .* need it"):
        request_of(views={"regions": ["object", "scene"]}, losses={"localization": 1.0})
    request = request_of(training={"monitor_knn": True})
    with pytest.raises(ValueError, match=r"run scene-scene: training.monitor_knn needs --annotations"):
        pretrain(request, tables._replace(annotations=None), tmp_path / "c")


@pytest.mark.parametrize(
    ("moco", "world_size", "words"),
    [
        ({"queue_length": 20}, 2, "queue_length 20 exceeds the 16 images"),
        ({"queue_length": 8}, 2, "queue_length 8 exceeds a third of the 16 images"),
        ({"queue_length": 4, "batch_norm_group": 0}, 1, "share batch statistics"),
        ({"queue_length": 4, "batch_norm_group": 4}, 1, "share batch statistics"),
        ({"queue_length": 4, "batch_norm_group": 0}, 2, None),
        ({"queue_length": 4, "batch_norm_group": 2}, 1, None),
    ],
)
def test_what_is_worth_a_warning_is_reported_and_nothing_else(request_of, moco, world_size, words):
    warnings = find_warnings(request_of(moco=moco).run, num_images=16, num_without_boxes=0, world_size=world_size)
    assert len(warnings) == (words is not None)
    assert all(words in warning for warning in warnings)


@pytest.mark.parametrize(("num_prototypes", "is_reported"), [(16, True), (17, False)])
def test_fewer_prototypes_than_dimensions_are_worth_a_warning(request_of, num_prototypes, is_reported):
    run = request_of(method="swav", swav={"embedding_dims": 16, "num_prototypes": num_prototypes}).run
    warnings = find_warnings(run, num_images=16, num_without_boxes=0)
    assert [("right angles to all prototypes" in warning) for warning in warnings] == [True] * is_reported


def test_object_views_without_proposals_are_rejected(tables, request_of, tmp_path):
    with pytest.raises(ValueError, match="object views need proposals"):
        pretrain(request_of("obj-dilate"), tables._replace(proposals=None), tmp_path / "c")


def test_a_queue_longer_than_the_data_set_and_missing_proposals_are_warned_of(tables, request_of, tmp_path, capsys):
    pretrain(request_of("obj-dilate", moco={"queue_length": 20}, optimizer={"epochs": 1}), tables, tmp_path / "c")
    printed = capsys.readouterr().err
    assert "queue_length 20 exceeds the 16 images" in printed
    assert "1 of 16 images have no usable proposal" in printed


def test_a_step_that_exceeds_the_devices_memory_is_worth_a_warning(tables, request_of, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("objectcrop.ssl.step_memory.device_memory", lambda device, world_size: 1 << 20)
    pretrain(request_of("supervised", optimizer={"epochs": 1}), tables, tmp_path / "c")
    assert "warning: run supervised: a step needs about" in capfd.readouterr().err
