import sys

import pytest

from objectcrop.runtime import launch as launching
from objectcrop.runtime.launch import launch, launch_on_gpus, needs_torchrun


def test_the_launcher_is_for_several_processes_that_it_has_not_started(monkeypatch):
    for name in ("RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    assert needs_torchrun(2)
    assert not needs_torchrun(1)
    monkeypatch.setenv("RANK", "0")
    assert not needs_torchrun(2)


@pytest.mark.parametrize("start", [launch, launch_on_gpus])
def test_one_process_works_here_and_several_under_torchrun_with_the_same_arguments(monkeypatch, start):
    for name in ("RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # so no GPU is taken
    monkeypatch.setattr(sys, "argv", ["script", "--seed", "1"])
    here, started = [], []
    monkeypatch.setattr(launching, "run_under_torchrun", lambda *call: started.append(call) or 0)
    for num_processes in (0, 1):
        start("script", None, num_processes, lambda: here.append(True))
    assert (len(here), started) == (2, [])
    start("script", None, 2, lambda: here.append(True))
    start("script", ["--seed", "3"], 2, lambda: here.append(True))
    assert (len(here), started) == (2, [("script", ["--seed", "1"], 2), ("script", ["--seed", "3"], 2)])


def test_the_exit_code_of_torchrun_is_passed_on(monkeypatch):
    for name in ("RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(launching, "run_under_torchrun", lambda *call: 143)
    with pytest.raises(SystemExit) as stopped:
        launch("script", [], 2, lambda: None)
    assert stopped.value.code == 143
