"""Who works in a folder is found without asking for the lock."""

import os
import subprocess
import sys
import time

import pytest

from objectcrop.registry import locks
from objectcrop.registry.locks import SILENCE_S, is_worked_in
from objectcrop.runtime.lock import run_lock


def test_a_held_lock_is_noticed_and_stays_free_for_who_asks_next(tmp_path):
    lock = tmp_path / "lock"
    assert not is_worked_in(lock)
    with run_lock(lock):
        assert is_worked_in(lock)
    assert not is_worked_in(lock)
    with run_lock(lock):
        pass


def test_a_killed_process_works_no_more(tmp_path):
    lock = tmp_path / "lock"
    words = (
        "import time\nfrom objectcrop.runtime.lock import run_lock\n"
        f"with run_lock({str(lock)!r}):\n    print(1, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE)
    process.stdout.read(1)
    assert is_worked_in(lock)
    process.kill()
    process.wait()
    process.stdout.close()
    assert not is_worked_in(lock)


@pytest.mark.parametrize("elsewhere", ["another-machine 12", "no list of locks here"])
def test_of_what_cannot_be_asked_the_age_of_its_traces_decides(tmp_path, monkeypatch, elsewhere):
    lock, trace = tmp_path / "lock", tmp_path / "metrics.jsonl"
    lock.write_text(elsewhere)
    trace.write_text("")
    if elsewhere.startswith("no list"):
        monkeypatch.setattr(locks, "TABLE", tmp_path / "nothing")
    old = time.time() - SILENCE_S - 60
    os.utime(lock, (old, old))
    assert not is_worked_in(lock)
    assert is_worked_in(lock, trace)
    os.utime(trace, (old, old))
    assert not is_worked_in(lock, trace)
