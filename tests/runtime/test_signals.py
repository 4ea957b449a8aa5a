"""Signals become requests, and go back to what they were."""

import os
import signal
import subprocess
import sys

import pytest

from objectcrop.runtime.signals import DEAF_SHELL, Stopped, hear_sigterm, stop_requests

SAVES_SLOWLY = """
import time
from objectcrop.runtime.signals import hear_sigterm, stop_requests
hear_sigterm()
with stop_requests() as stop:
    print("works", flush=True)
    while not stop:
        time.sleep(0.01)
time.sleep(0.5)
print("saved", flush=True)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_noted_and_repeated_ones_change_nothing(number, code):
    with stop_requests() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop
        assert stop.exit_code == code


def test_handlers_come_back_after_the_block():
    before = signal.getsignal(signal.SIGINT)
    with stop_requests():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("prefix", "heard"), [(DEAF_SHELL, "saved\n"), ("", "")], ids=["deaf", "plain"])
def test_a_deaf_shell_and_what_logs_outlive_a_sigterm_to_all_while_the_script_saves(prefix, heard):
    command = ["bash", "-c", f'{prefix}"$0" -c "$1" | tee -i', sys.executable, SAVES_SLOWLY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout.readline() == "works\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.read() == heard
    assert (process.returncode == 0) is bool(prefix)


def test_a_script_dies_of_sigterm_until_it_asks_for_something_else():
    before = signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        hear_sigterm()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with stop_requests() as stop:
            hear_sigterm()
            signal.raise_signal(signal.SIGTERM)
            assert Stopped(stop.exit_code).is_by_sigterm
    finally:
        signal.signal(signal.SIGTERM, before)
