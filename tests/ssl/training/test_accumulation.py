"""Gradients of parts of a batch add up to those of the whole, where nothing depends on the rest of the batch."""

import pytest
import torch

from objectcrop.ssl.checks import find_problems
from objectcrop.ssl.methods import method
from objectcrop.ssl.pretraining import pretrain
from tests.ssl.processes import draw, finish, frozen_backbone, start, train_supervised


@pytest.fixture
def frozen_statistics(monkeypatch):
    monkeypatch.setattr(method, "build_backbone", frozen_backbone)


def test_parts_of_a_batch_train_as_the_whole_does(tables, request_of, tmp_path, frozen_statistics):
    changes = {"optimizer": {"epochs": 2, "name": "sgd", "learning_rate": 0.01}}
    whole, parts = (
        pretrain(
            request_of("supervised", **changes, training={"accumulation_steps": steps}), tables, tmp_path / str(steps)
        )
        for steps in (1, 2)
    )
    first, second = (dict(pretrained.backbone.named_parameters()) for pretrained in (whole, parts))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=1e-5, msg=name)
    assert [row["images_seen"] for row in parts.summary["history"]] == [
        row["images_seen"] for row in whole.summary["history"]
    ]
    for alone, together in zip(parts.summary["history"], whole.summary["history"], strict=True):
        assert alone["loss"] == pytest.approx(together["loss"], abs=1e-5)


def problems(request_of, name="supervised", world_size=1, **changes):
    return find_problems(request_of(name, **changes).run, num_images=64, world_size=world_size, has_proposals=True)


def test_a_queue_forbids_parts(request_of):
    (problem,) = problems(request_of, "scene-scene", training={"accumulation_steps": 2})
    assert problem == (
        "training.accumulation_steps: 2 is wrong for moco_v2: its queue would change within a step; set it to 1"
    )


def test_parts_must_divide_the_batch_and_leave_two_images(request_of):
    (problem,) = problems(request_of, training={"accumulation_steps": 3})
    assert "global_batch_size 4 does not divide into 3 parts in each of the 1 processes" in problem
    (problem,) = problems(request_of, training={"accumulation_steps": 4})
    assert "accumulation_steps: 4 leaves batch norm one image" in problem
    assert not problems(request_of, training={"accumulation_steps": 2})


def test_two_processes_average_the_sum_of_their_parts(tmp_path):
    """2 processes x 2 parts x 2 images train as one process with a batch of 8."""
    states = []
    for size, parts in ((1, 1), (2, 2)):
        folder = tmp_path / str(size)
        draw(folder)
        assert finish(start(train_supervised, size, folder, parts)) == [0] * size
        states.append(torch.load(folder / "weights.pt", weights_only=True))
    for name, value in states[0].items():
        if name.endswith(("weight", "bias")):
            torch.testing.assert_close(value, states[1][name], rtol=0, atol=1e-5, msg=name)
