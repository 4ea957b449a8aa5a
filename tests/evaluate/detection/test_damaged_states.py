"""A fine-tuning's state that is cut off or damaged: the one before is used, or it trains from scratch, and says so."""

import hashlib
import pickle
import signal

import pytest
import torch

from objectcrop.evaluate.detection.fine_tune import fine_tune
from objectcrop.evaluate.detection.training_state import TrainingState
from objectcrop.networks.layout_files import TRAILER
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.runtime.torch_files import read_whole

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")


def parts():
    torch.manual_seed(0)
    model = torch.nn.Linear(30, 20)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return {"model": model, "optimizer": optimizer, "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 5)}


def weight_after(state, some, iteration):
    """Save a state whose weights are all the number of the iteration."""
    torch.nn.init.constant_(some["model"].weight, iteration)
    state.save(iteration)


def saved(folder, iterations):
    some = parts()
    state = TrainingState(folder, some)
    for iteration in iterations:
        weight_after(state, some, iteration)
    return folder / f"state-{(len(iterations) - 1) % 2}.pth"


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def flip(path):
    data = bytearray(path.read_bytes())
    place = data.index(torch.full((3,), 9.0).numpy().tobytes())
    data[place] ^= 1
    path.write_bytes(data)


def resumed(folder):
    some = parts()
    state = TrainingState(folder, some)
    return state.resume(), some["model"].weight.mean().item(), state, some


def test_the_newest_state_is_loaded(tmp_path, capsys):
    saved(tmp_path, [3, 6, 9])
    assert resumed(tmp_path)[:2] == (10, 9)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("damage", [cut, flip])
def test_the_state_before_a_damaged_one_is_loaded_and_the_damaged_one_overwritten(tmp_path, capsys, damage):
    newest = saved(tmp_path, [3, 6, 9])
    damage(newest)
    done, weight, state, some = resumed(tmp_path)
    assert (done, weight) == (7, 6)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {newest}: ")
    assert line.endswith("; using the one before")
    weight_after(state, some, 8)
    assert read_whole(newest, torch.device("cpu"))["iteration"] == 8
    assert resumed(tmp_path)[:2] == (9, 8)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("iterations", [[9], [9, 9]])
def test_without_a_whole_state_it_starts_from_scratch_and_says_so(tmp_path, capsys, iterations):
    saved(tmp_path, iterations)
    for path in tmp_path.glob("*.pth"):
        flip(path)
    assert resumed(tmp_path)[0] == 0
    assert "training from scratch" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("last", [b"", b"\xff\xfe", b"../../elsewhere.pth"])
def test_a_damaged_note_of_the_newest_leads_to_no_other_file(tmp_path, last):
    saved(tmp_path, [3, 6])
    (tmp_path / "last_checkpoint").write_bytes(last)
    assert resumed(tmp_path)[0] in (4, 7)


def test_a_state_of_another_detector_is_named(tmp_path):
    saved(tmp_path, [3])
    other = parts() | {"model": torch.nn.Linear(5, 5)}
    with pytest.raises(ValueError, match=r"state-0\.pth: is not a state of this detector \(.*remove it to train from"):
        TrainingState(tmp_path, other).resume()


def test_a_cut_state_does_not_fail_for_ever(job, capsys):
    stop = StopRequest()
    stop.signal = signal.SIGTERM
    with pytest.raises(Stopped):
        fine_tune(job(), stop)
    cut(job().checkpoints / "state-0.pth")
    assert fine_tune(job(max_test_images=1), StopRequest())["details"]["num_test"] == 1
    printed = capsys.readouterr().err
    assert "training from scratch" in printed
    assert "training: 4/4 iterations" in printed


class Harm:
    """What a pickle could ask for."""

    def __reduce__(self):
        return (print, ("harm",))


def test_weights_with_a_malicious_pickle_are_not_run(job, capsys):
    some = job()
    content = pickle.dumps({"model": {}, "precision": "none", "matching_heuristics": True, "__author__": Harm()})
    some.weights.write_bytes(content + TRAILER + hashlib.sha256(content).digest())
    with pytest.raises(ValueError, match=r"it asks for \w+\.print"):
        fine_tune(some, StopRequest())
    assert "harm" not in capsys.readouterr().out
