"""What a job asks of Slurm from inside: programs of its name are put first on PATH, and note what they are asked."""

import sys
from datetime import datetime, timedelta

import pytest

from objectcrop.runtime import command
from objectcrop.runtime.launch import launch_on_nodes
from objectcrop.runtime.signals import Stopped
from objectcrop.runtime.slurm import Nodes, requeue_at_limit


def ends_in(minutes: float) -> str:
    return (datetime.now() + timedelta(minutes=minutes)).isoformat(timespec="seconds")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Calls of a Slurm that answers what a test puts into `answer`, in a job."""

    class Asked:
        answer = f"RUNNING {ends_in(1)}"

        def calls(self):
            return (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []

        def set(self, answer):
            (tmp_path / "answer").write_text(answer)

    for name in ("squeue", "scontrol"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\ncat {tmp_path}/answer\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for name in ("RANK", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    asked = Asked()
    asked.set(Asked.answer)
    return asked


def test_a_running_job_near_its_limit_is_queued_again(asked):
    requeue_at_limit()
    assert asked.calls()[1:] == ["scontrol requeue 7"]


def test_a_task_of_an_array_speaks_for_itself_alone(asked, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "7")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    requeue_at_limit()
    assert asked.calls() == ["squeue --noheader --jobs=7_2 --format=%T %e", "scontrol requeue 7_2"]


@pytest.mark.parametrize(
    "answer",
    [f"RUNNING {ends_in(60)}", f"COMPLETING {ends_in(1)}", f"CANCELLED {ends_in(1)}", "RUNNING N/A"],
    ids=["early", "completing", "cancelled", "no limit"],
)
def test_a_job_that_somebody_stopped_is_not(asked, answer):
    asked.set(answer)
    requeue_at_limit()
    assert [call.split()[0] for call in asked.calls()] == ["squeue"]


@pytest.mark.parametrize(("name", "value"), [("SLURM_JOB_ID", None), ("RANK", "1")])
def test_only_the_first_process_of_a_job_asks(asked, monkeypatch, name, value):
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    requeue_at_limit()
    assert asked.calls() == []


def test_a_node_without_slurms_programs_says_that_nothing_is_queued(asked, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    requeue_at_limit()
    assert "not queued again: squeue" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "is_queued"), [(143, True), (130, False)])
def test_a_script_that_saved_after_sigterm_is_queued_again_and_one_after_ctrl_c_is_not(asked, code, is_queued):
    def stopped(argv):
        raise Stopped(code)

    with pytest.raises(Stopped) as ended:
        command.run(stopped)
    assert ended.value.code == code
    assert ("scontrol requeue 7" in asked.calls()) is is_queued


def test_nodes_meet_at_the_first_one(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    command = Nodes(2, processes=4, cpus=16).command("trainer", ["--seed", "1"])
    assert command[:6] == ["srun", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=16", command[5]]
    assert "--nnodes=2" in command
    assert "--nproc-per-node=4" in command
    assert "--rdzv-id=7" in command
    assert command[-4:] == ["-m", "trainer", "--seed", "1"]


def test_several_nodes_outside_of_a_job_are_an_error_that_says_what_to_do(monkeypatch):
    for name in ("SLURM_JOB_ID", "RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="outside of a Slurm job; set it to 1"):
        launch_on_nodes("trainer", [], Nodes(2, processes=1, cpus=1), lambda: None)


def test_the_processes_that_torchrun_started_on_a_node_do_the_work(monkeypatch, tmp_path):
    srun = tmp_path / "srun"
    srun.write_text("#!/bin/sh\nexit 3\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(sys, "argv", ["script"])
    for name in ("RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    here = []
    with pytest.raises(SystemExit) as ended:
        launch_on_nodes("trainer", None, Nodes(2, processes=1, cpus=1), lambda: here.append(True))
    assert (ended.value.code, here) == (3, [])
    monkeypatch.setenv("RANK", "1")
    launch_on_nodes("trainer", None, Nodes(2, processes=1, cpus=1), lambda: here.append(True))
    assert here == [True]
