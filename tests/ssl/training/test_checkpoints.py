"""States on disk: the last ones stay, and a damaged one is passed over aloud."""

import random
from dataclasses import replace

import pytest
import torch

from objectcrop.identity.finished import Origin
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.training.checkpoints import (
    METRICS,
    load_state,
    remove_leftovers,
    remove_states,
    save_state,
    saved_states,
    set_stale_aside,
)

CPU = torch.device("cpu")


def save(folder, step, settings="s", kept=2):
    save_state(folder, {"settings_hash": settings, "step": step, "w": torch.arange(999.0) + step}, step=step, kept=kept)


def test_the_last_states_stay(tmp_path):
    for step in (5, 90, 100, 1000):
        save(tmp_path, step, kept=3)
    assert [path.name for path in saved_states(tmp_path)] == [f"state-{step:010d}.pt" for step in (1000, 100, 90)]
    assert load_state(tmp_path, "s", CPU)["step"] == 1000


def test_nothing_saved_is_no_state(tmp_path):
    assert load_state(tmp_path, "s", CPU) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_state_is_passed_over_for_the_one_before_aloud(tmp_path, capsys, seed):
    save(tmp_path, 1)
    save(tmp_path, 2)
    rng, latest = random.Random(seed), saved_states(tmp_path)[0]
    data = bytearray(latest.read_bytes())
    if seed % 2:
        del data[rng.randrange(len(data)) :]
    else:
        # in the numbers themselves: torch loads this without a word
        place = data.index(torch.arange(999.0).add(2).numpy().tobytes()) + rng.randrange(3000)
        data[place] ^= 1 << rng.randrange(8)
    latest.write_bytes(data)
    assert load_state(tmp_path, "s", CPU)["step"] == 1
    printed = capsys.readouterr().err
    assert latest.name in printed
    assert "using the one before" in printed


def test_states_none_of_which_can_be_read_are_no_fresh_start(tmp_path):
    save(tmp_path, 1)
    saved_states(tmp_path)[0].write_bytes(b"PK")
    with pytest.raises(ValueError, match="none of the 1 saved states can be read; remove them to train from scratch"):
        load_state(tmp_path, "s", CPU)


def test_a_state_of_other_settings_is_rejected_or_set_aside_with_its_metrics(tmp_path):
    folder = tmp_path / "c"
    save(folder, 1, settings="old")
    (folder / METRICS).write_text("")
    with pytest.raises(ValueError, match="made with settings old, not new; remove it"):
        load_state(folder, "new", CPU)
    assert set_stale_aside(folder, Origin("old", "")) is None
    assert set_stale_aside(folder, Origin("new", "")) == tmp_path / "c.stale-old"
    assert sorted(path.name for path in (tmp_path / "c.stale-old").iterdir()) == [METRICS, "state-0000000001.pt"]
    assert load_state(folder, "new", CPU) is None


def test_leftovers_of_killed_writers_go_and_states_stay(tmp_path):
    save(tmp_path, 1)
    (tmp_path / ".state-0000000002.17-ab.pt").write_bytes(b"")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["state-0000000001.pt"]
    remove_states(tmp_path)
    assert not saved_states(tmp_path)


def test_training_resumes_bit_for_bit_from_the_state_before_a_damaged_one(tables, request_of, tmp_path, capsys):
    request = request_of("scene-scene", optimizer={"epochs": 2})
    often = replace(request, save_every_s=0.0, kept_states=4)
    straight = pretrain(often, tables, tmp_path / "c")
    latest, *others = saved_states(tmp_path / "c")
    assert len(others) == 3
    latest.write_bytes(latest.read_bytes()[:-100])
    again = pretrain(often, tables, tmp_path / "c")
    assert "cannot be read" in capsys.readouterr().err
    first, second = (pretrained.backbone.state_dict() for pretrained in (straight, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [row["step"] for row in again.summary["history"]] == list(range(1, 9))
