"""Jobs that live keep others from their files; of those that died it is known what they left undone."""

import errno
import fcntl
import json
import multiprocessing
import os
import random
import re
import socket
import time
from pathlib import Path

import pytest

from objectcrop.identity.lineage import VARIABLE, write_lineage
from objectcrop.identity.making import Work, begin
from objectcrop.identity.running import FOLDER, advise, killed, left_undone, living, note_asked, require_no_other, start

OUTPUTS = [Path("results/a.json"), Path("results/a.npz")]
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Of the lock files, in a study whose outputs are not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    return tmp_path / FOLDER


def _hold(folder, is_worker, ready):
    if is_worker:
        os.environ["TORCHELASTIC_RUN_ID"] = "1"
    started = start(folder, "evaluate_linear", OUTPUTS)
    ready.set()
    time.sleep(60)
    started.end()


@pytest.fixture
def another(folder):
    """Starts a process that makes the outputs, and returns it; whatever lives is killed at the end."""
    processes = []

    def start_one(*, is_worker=False):
        ready = SPAWN.Event()
        process = SPAWN.Process(target=_hold, args=(folder, is_worker, ready))
        process.start()
        processes.append(process)
        assert ready.wait(60)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.join()


def test_a_job_that_ended_leaves_nothing(folder):
    started = start(folder, "evaluate_linear", OUTPUTS)
    assert [(job.rule, job.pid) for job in living(folder)] == [("evaluate_linear", os.getpid())]
    started.end()
    assert list(folder.iterdir()) == []
    start(folder, "evaluate_linear", OUTPUTS).end()


@pytest.mark.parametrize("is_worker", [False, True])
def test_a_second_job_for_the_same_files_is_rejected_by_the_name_of_the_first(folder, another, is_worker):
    first = another(is_worker=is_worker)
    words = rf"^results/a\.json is being written by evaluate_linear \(process {first.pid}\), .* \(kill {first.pid}\), and run"
    with pytest.raises(ValueError, match=words):
        start(folder, "evaluate_linear", OUTPUTS)
    start(folder, "evaluate_linear", [Path("results/b.json")]).end()
    with pytest.raises(ValueError, match=words):
        require_no_other(folder, {"results/a.npz", "results/c.json"})
    require_no_other(folder, {"results/c.json"})


def test_a_launcher_and_its_worker_are_one_job_and_the_worker_outlives_it(folder, another, monkeypatch):
    launcher, worker = another(), another(is_worker=True)
    assert {job.pid for job in living(folder)} == {launcher.pid, worker.pid}
    launcher.kill()
    launcher.join()
    assert [job.pid for job in living(folder)] == [worker.pid]
    with pytest.raises(ValueError, match=str(worker.pid)):
        start(folder, "evaluate_linear", OUTPUTS)


def test_what_a_run_was_about_to_make_again_and_is_gone_is_left_undone_until_it_is_made(folder):
    assert left_undone(folder) == set()
    Path("results").mkdir()
    for path in OUTPUTS:
        path.touch()
    note_asked(folder, {"results/a.json", "results/a.npz", "results/never.json"})
    assert left_undone(folder) == set()
    for path in OUTPUTS:
        path.unlink()
    assert left_undone(folder) == {"results/a.json", "results/a.npz"}
    OUTPUTS[1].touch()
    note_asked(folder, ())  # another run, which makes nothing of these
    assert left_undone(folder) == {"results/a.json"}
    OUTPUTS[0].touch()
    note_asked(folder, ())
    OUTPUTS[0].unlink()  # by hand
    assert left_undone(folder) == set()


def test_a_job_that_is_killed_is_distinguished_from_one_that_ended_with_an_error(folder, another):
    started = start(folder, "pretrain", [Path("results/c.json")])
    del started  # as an error does, and the end of Python
    first = another()
    assert killed(folder, {"results/a.json", "results/c.json"}) == []
    first.kill()
    first.join()
    assert killed(folder, {"results/c.json", "results/d.json"}) == []
    (job,) = killed(folder, {"results/a.json", "results/c.json"})
    words = rf"results/a\.json: evaluate_linear \(process {first.pid}\) was killed .* memory was short: .* Run the same command"
    assert re.match(words, advise(job))


def test_damaged_lock_files_are_no_errors(folder, another):
    first = another()
    (path,) = folder.iterdir()
    whole, rng = path.read_bytes(), random.Random(5)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)  # in place: the lock stays
        assert len(living(folder)) == 1
    for content in (b"", b"[]", b"\xff", b'{"rule": 1}', b'{"rule":"r","outputs":[],"host":"h","pid":1}'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"what {path} stands for is being written"):
            start(folder, "evaluate_linear", OUTPUTS)
        assert killed(folder, {"results/a.json"}) == []
    first.kill()


def test_a_machine_is_named_if_it_is_another_one(folder, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "node7")
    started = start(folder, "pretrain", OUTPUTS)
    monkeypatch.undo()
    (job,) = living(folder)
    started.end()
    assert f"(process {os.getpid()} on node7)" in job.describe()


def test_a_file_system_without_locks_is_warned_of(folder, monkeypatch, capsys):
    def fail(*_):
        raise OSError(errno.ENOSYS, "not implemented")

    monkeypatch.setattr(fcntl, "flock", fail)
    start(folder, "pretrain", OUTPUTS).end()
    assert "has no locks" in capsys.readouterr().err


def test_a_job_of_a_study_is_running_until_its_records_are_written(tmp_path, monkeypatch):
    path = write_lineage("lineage", {"out.json": ("rule", {})}, {"rule": "c"})
    monkeypatch.setenv(VARIABLE, path)
    made = begin(Work("rule", {}, {}, {}, [Path("out.json")], ["python"]))
    assert [job.outputs for job in living(Path("lineage") / FOLDER)] == [["out.json"]]
    Path("out.json").write_text(json.dumps({}))
    made.finish()
    assert living(Path("lineage") / FOLDER) == []
