"""The set-up: which Python it takes, what it does again and what not, and what it says when it cannot go on."""

import ast
import fcntl
import json
import resource
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from tests.set_up_parts import MODULES, modules_of_set_up, program

parts = pytest.fixture(modules_of_set_up)


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """A folder that alone is on PATH, and no pyenv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "no-pyenv"))
    return folder


# which Python


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            "echo 'pyenv: python3.12: command not found' >&2; exit 127",
            "does not run: pyenv: python3.12: command not found",
        ),
        ("echo 3.13", "is Python 3.13"),
        ("echo 2.7", "is Python 2.7"),
        ("echo 3.12; exit 1", "has no venv module; on Debian and Ubuntu: apt install python3.12-venv"),
        ("echo 3.11", ""),
    ],
)
def test_a_python_is_judged_by_running_it(parts, tmp_path, body, problem):
    assert parts.interpreters.probe(program(tmp_path / "python", body)).problem == problem


def test_a_shim_that_does_not_run_is_passed_over(parts, only_path):
    program(only_path / "python3.11", "echo no >&2; exit 127")
    good = program(only_path / "python3.12", "echo 3.12")
    assert parts.interpreters.find_python() == (good, "3.12", "")


def test_pyenvs_own_folders_are_looked_into_last(parts, only_path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    hidden = program(tmp_path / "pyenv/versions/3.12.1/bin/python3", "echo 3.12")
    assert parts.interpreters.find_python().path == hidden
    found = program(only_path / "python3", "echo 3.11")
    assert parts.interpreters.find_python().path == found


def test_without_a_usable_python_each_that_was_found_is_named(parts, only_path):
    program(only_path / "python3", "echo 3.13")
    program(only_path / "python3.11", "echo 3.11; exit 1")
    with pytest.raises(parts.interpreters.SetUpError) as caught:
        parts.interpreters.find_python()
    for part in (
        "3.11 or 3.12",
        f"{only_path}/python3 is Python 3.13",
        "apt install python3.11-venv",
        "make setup PYTHON=",
    ):
        assert part in str(caught.value)


def test_the_python_that_is_asked_for_is_the_only_one_tried(parts, only_path, monkeypatch):
    program(only_path / "python3.11", "echo 3.11")
    monkeypatch.setenv("PYTHON", "/nowhere/python3.12")
    with pytest.raises(parts.interpreters.SetUpError, match=r"/nowhere/python3.12 does not run: No such file"):
        parts.interpreters.find_python()


# what is done again


@pytest.fixture
def checkout(parts, tmp_path, monkeypatch):
    """A checkout with three steps that note when they are made."""
    root = tmp_path / "checkout"
    (root / ".setup").mkdir(parents=True)
    (root / "a.lock").write_text("a==1")
    (root / "b.lock").write_text("b==1")
    made = []

    def step(name, made_from, leaves, **more):
        def make(place, python):
            made.append(name)
            (place / leaves).parent.mkdir(parents=True, exist_ok=True)
            (place / leaves).touch()

        return parts.steps.Step(name, f"about {name}", made_from, leaves, make, **more)

    table = (
        step("uv", (), ".setup/uv", in_venv=False),
        step("venv", (), ".venv/python"),
        step("packages", ("a.lock",), ".venv/packages"),
        step("mongod", ("b.lock",), ".setup/mongod", in_venv=False),
    )
    monkeypatch.setattr(parts.set_up, "STEPS", table)
    monkeypatch.setattr(parts.set_up, "verify", lambda root: made.append("verify"))
    found = parts.interpreters.Interpreter("/usr/bin/python3.11", "3.11", "")
    monkeypatch.setattr(parts.set_up, "find_python", lambda: found)

    def call():
        made.clear()
        parts.set_up.set_up(root)
        return list(made)

    return SimpleNamespace(root=root, call=call, table=table)


def test_a_second_call_does_nothing(checkout):
    assert checkout.call() == ["uv", "venv", "packages", "mongod", "verify"]
    assert checkout.call() == []


def test_a_changed_lock_is_installed_and_nothing_else(checkout):
    checkout.call()
    (checkout.root / "b.lock").write_text("b==2")
    assert checkout.call() == ["mongod", "verify"]


def test_without_its_venv_all_that_goes_into_it_is_made_again(checkout):
    checkout.call()
    (checkout.root / ".venv/python").unlink()
    assert checkout.call() == ["venv", "packages", "verify"]


def test_a_moved_checkout_is_set_up_again(checkout, parts):
    checkout.call()
    moved = checkout.root.rename(checkout.root.with_name("moved"))
    assert [step.name for step in parts.set_up.Record(moved).due("3.11")] == ["uv", "venv", "packages", "mongod"]


def test_another_python_makes_everything_again(checkout, parts, monkeypatch):
    checkout.call()
    monkeypatch.setenv("PYTHON", "python3.12")
    other = parts.interpreters.Interpreter("/usr/bin/python3.12", "3.12", "")
    monkeypatch.setattr(parts.set_up, "find_python", lambda: other)
    assert checkout.call() == ["uv", "venv", "packages", "mongod", "verify"]
    assert checkout.call() == []


def test_a_call_after_a_break_goes_on_at_the_step_that_broke(checkout, parts, monkeypatch):
    def fails(root, python):
        raise parts.interpreters.SetUpError("the index cannot be reached")

    table = checkout.table
    monkeypatch.setattr(parts.set_up, "STEPS", (*table[:2], table[2]._replace(make=fails), table[3]))
    with pytest.raises(parts.interpreters.SetUpError) as caught:
        checkout.call()
    for part in (
        "stopped at step packages (about packages)",
        "the index cannot be reached",
        "HTTPS_PROXY",
        "UV_FIND_LINKS",
    ):
        assert part in str(caught.value)
    monkeypatch.setattr(parts.set_up, "STEPS", table)
    assert checkout.call() == ["packages", "mongod", "verify"]


def test_a_venv_that_was_made_anew_forgets_what_was_in_the_old_one(checkout, parts, monkeypatch):
    checkout.call()
    (checkout.root / ".venv/python").unlink()

    def fails(root, python):
        raise parts.interpreters.SetUpError("no network")

    table = checkout.table
    monkeypatch.setattr(parts.set_up, "STEPS", (*table[:2], table[2]._replace(make=fails), table[3]))
    with pytest.raises(parts.interpreters.SetUpError):
        checkout.call()
    monkeypatch.setattr(parts.set_up, "STEPS", table)
    assert checkout.call() == ["packages", "verify"]


def test_what_was_not_verified_is_not_done(checkout, parts, monkeypatch):
    def broken(root):
        raise parts.interpreters.SetUpError("torch cannot be imported")

    with monkeypatch.context() as patch:
        patch.setattr(parts.set_up, "verify", broken)
        with pytest.raises(parts.interpreters.SetUpError):
            checkout.call()
    assert checkout.call() == ["verify"]


def test_a_second_call_at_the_same_time_waits(parts, tmp_path, capsys):
    entered = threading.Event()

    def second():
        with parts.set_up.only_one(tmp_path):
            entered.set()

    (tmp_path / ".setup").mkdir()
    with (tmp_path / ".setup/lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join()
    assert "another one is at work" in capsys.readouterr().out


def test_the_set_up_is_read_by_the_python_of_an_old_system(root):
    for name in MODULES:
        tree = ast.parse((root / f"envs/{name}.py").read_text(), feature_version=(3, 8))
        assert tree.body, name


def test_the_set_up_of_this_checkout_is_over_in_seconds_when_done(root):
    record = root / ".setup/done.json"
    if not record.is_file() or "verified" not in json.loads(record.read_text()):
        pytest.skip("this checkout was set up by hand, not by make setup")
    if (root / ".venv").is_symlink():
        pytest.skip("the environment is another checkout's, which this would take over")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "envs/set_up.py"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "done before" in done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # of the processor: other work on the machine does not count
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
