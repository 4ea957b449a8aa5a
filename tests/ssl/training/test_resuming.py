"""A training resumes whatever its trunk draws and wherever torch's own generators are."""

import random

import numpy as np
import pytest
import torch

from objectcrop.runtime.signals import Stopped
from objectcrop.ssl.pretraining import pretrain
from tests.ssl.conftest import merged
from tests.ssl.test_pretraining import TIMES, _StopAfter, same, state_of

STOCHASTIC_DEPTH = {
    "backbone": {"arch": "efficientnet_b0", "width": 1.0},
    "optimizer": {"epochs": 1, "learning_rate": 0.001},
    "training": {"monitor_every_epochs": 0},
}


@pytest.mark.parametrize("name", ["scene-scene", "supervised"])
def test_a_trunk_with_stochastic_depth_resumes_bit_for_bit(tables, request_of, tmp_path, monkeypatch, name):
    """Two steps, a stop and two more are four steps at once."""
    request = request_of(name, **STOCHASTIC_DEPTH)
    straight = pretrain(request, tables, tmp_path / "straight")
    with monkeypatch.context() as patch:
        _StopAfter(patch, 2)
        with pytest.raises(Stopped):
            pretrain(request, tables, tmp_path / "stopped")
    resumed = pretrain(request, tables, tmp_path / "stopped")
    assert straight.summary["final"]["step"] == resumed.summary["final"]["step"] == 4
    assert straight.summary["final"]["loss"] == resumed.summary["final"]["loss"]
    assert same(state_of(straight), state_of(resumed))


@pytest.mark.parametrize(("name", "changes"), [("oac", {}), ("insdis", {}), ("supervised", STOCHASTIC_DEPTH)])
def test_the_global_generators_change_no_bit_of_training(tables, request_of, tmp_path, monkeypatch, name, changes):
    """Neither weights, order, views, negatives, dropout nor the monitor's images."""
    monkeypatch.setattr("objectcrop.ssl.pretraining.split_threads", lambda threads, gpus: (1, 2))
    request = request_of(name, **merged({"optimizer": {"epochs": 1}}, changes))
    attempts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        attempts.append(pretrain(request, tables, tmp_path / str(seed)))
    assert same(*map(state_of, attempts))
    rows = [[{k: v for k, v in row.items() if k not in TIMES} for row in one.summary["history"]] for one in attempts]
    assert rows[0] == rows[1]


def test_a_checkpoint_of_another_layout_is_moved_aside(tables, request_of, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("objectcrop.ssl.training.identity.STATE_LAYOUT", 1)
        _StopAfter(patch, 3)
        with pytest.raises(Stopped):
            pretrain(request_of(), tables, tmp_path / "c")
    assert len(pretrain(request_of(), tables, tmp_path / "c").summary["history"]) == 12
    assert list(tmp_path.glob("c.stale-*"))
    assert "of other settings, data or code, moved to" in capsys.readouterr().err
