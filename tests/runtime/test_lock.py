"""One holder at a time, reported by name."""

import multiprocessing
import os
import signal
import socket
import time

import pytest

from objectcrop.runtime.lock import run_lock


def _hold(path, ready, leave):
    with run_lock(path):
        ready.set()
        leave.wait(30)


def test_a_second_holder_is_rejected_and_told_who_holds_it(tmp_path):
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


def _hold_with_a_child(path, pids):
    with run_lock(path):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        pids.send(child.pid)
        time.sleep(60)


def test_a_child_that_outlives_the_holder_does_not_hold_the_lock(tmp_path):
    """As the workers of a killed trainer do for some seconds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    other = context.Process(target=_hold_with_a_child, args=(tmp_path / "lock", theirs))
    other.start()
    child = ours.recv()
    other.kill()
    while other.exitcode is None:  # to join it waits for a pipe that the child holds too
        time.sleep(0.01)
    try:
        with run_lock(tmp_path / "lock"):
            os.kill(child, 0)  # it lives
            assert (tmp_path / "lock").read_text().split()[1] == str(os.getpid())
    finally:
        os.kill(child, signal.SIGKILL)


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
