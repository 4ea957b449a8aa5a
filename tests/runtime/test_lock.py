"""One holder at a time, told by name."""

import multiprocessing
import os
import socket

import pytest

from objectcrop.runtime.lock import run_lock


def _hold(path, ready, leave):
    with run_lock(path):
        ready.set()
        leave.wait(30)


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "lock", ready, leave))
    other.start()
    assert ready.wait(30)
    with pytest.raises(ValueError, match=f"{socket.gethostname()} {other.pid}"), run_lock(tmp_path / "lock"):
        pass
    leave.set()
    other.join(30)
    with run_lock(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text().split()[1] == str(os.getpid())


def test_a_holder_that_dies_leaves_the_lock_free(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "lock", ready, leave))
    other.start()
    assert ready.wait(30)
    other.kill()
    other.join(30)
    with run_lock(tmp_path / "lock"):
        pass
