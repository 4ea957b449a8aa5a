"""The set-up: which Python it takes, what it does again and what not, and what it says when it cannot go on."""

import ast
import fcntl
import json
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

MODULES = ("set_up", "steps", "interpreters")


@pytest.fixture
def parts(root, monkeypatch):
    """The three modules of the set-up, which lie in no package as they run before anything is installed."""
    monkeypatch.syspath_prepend(str(root / "envs"))
    monkeypatch.delenv("PYTHON", raising=False)
    import interpreters
    import set_up
    import steps

    yield SimpleNamespace(interpreters=interpreters, set_up=set_up, steps=steps)
    for name in MODULES:
        sys.modules.pop(name)


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """A folder that alone is on PATH, and no pyenv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "no-pyenv"))
    return folder


def program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


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


# steps


def test_what_pip_was_told_is_passed_on_to_uv(parts, monkeypatch):
    monkeypatch.setenv("PIP_CERT", "/etc/own.crt")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///mirror")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    own = parts.steps.environment()
    assert (own["SSL_CERT_FILE"], own["UV_DEFAULT_INDEX"]) == ("/etc/own.crt", "file:///mirror")
    assert "VIRTUAL_ENV" not in own
    monkeypatch.setenv("UV_DEFAULT_INDEX", "file:///for-uv")
    assert parts.steps.environment()["UV_DEFAULT_INDEX"] == "file:///for-uv"


def test_a_failed_command_is_shown_so_that_it_can_be_repeated(parts):
    with pytest.raises(parts.interpreters.SetUpError, match=r"status 3.*\n.*-c 'exit 3'"):
        parts.steps.execute("/bin/sh", "-c", "exit 3")


@pytest.mark.parametrize(("present", "installs"), [("", True), ("sal-detectron2", True), ("detectron2", False)])
def test_a_detectron2_of_the_users_own_is_kept(parts, tmp_path, monkeypatch, present, installs):
    installed = []
    monkeypatch.setattr(
        parts.steps, "answer", lambda *command: present if "metadata" in command[2] else "/site-packages"
    )
    monkeypatch.setattr(parts.steps, "pip_install", lambda root, lock, *options: installed.append(lock))
    parts.steps.install_detectron2(tmp_path, "python")
    assert installed == ["detectron2.lock"] * installs


def test_verify_names_every_package_that_does_not_import(parts, tmp_path, capsys):
    body = (
        'case "$5" in torch) echo noise; echo "imported torch 2.0"; echo "broken torchvision ImportError: lost a library";;'
        ' *) echo "imported snakemake 9.0"; echo "imported cv2 4.14"; echo "imported pandas 3.0";; esac'
    )
    program(tmp_path / ".venv/bin/python", body)
    program(tmp_path / parts.steps.MONGOD, "echo 'libcrypto is missing' >&2; exit 127")
    with pytest.raises(parts.interpreters.SetUpError, match="torchvision, detectron2, fiftyone cannot be imported"):
        parts.steps.verify(tmp_path)
    shown = capsys.readouterr().out
    assert "ImportError: lost a library" in shown
    assert "pandas       3.0\n" in shown
    assert "does not start here" in shown
    assert "libcrypto is missing" in shown


def test_a_venv_of_the_same_python_is_kept_and_another_is_not(parts, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(parts.steps, "uv", lambda root, *arguments: calls.append(arguments[0]))
    python = program(tmp_path / "python", "echo 3.11")
    program(tmp_path / ".venv/bin/python", "echo 3.11")
    parts.steps.make_venv(tmp_path, python)
    assert calls == []
    program(tmp_path / ".venv/bin/python", "echo 3.12")
    parts.steps.make_venv(tmp_path, python)
    assert calls == ["venv"]


def test_packages_are_compiled_where_python_may_not_do_so_itself(parts, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    own = tmp_path / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.symlink_to(sys.executable)
    for package, text in {"objectcrop": "import used\n", "used": "", "unused": "class {{ name }}:\n"}.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "part.py").write_text(text)
    (tmp_path / "used/__init__.py").write_text("from used import part\n")
    monkeypatch.setattr(parts.steps, "_COMPILED", (("objectcrop",), ("no_such_package",)))
    parts.steps.compile_packages(tmp_path, "python")
    compiled = {path.parent.parent.name for path in tmp_path.rglob("part.*.pyc")}
    assert compiled == {"objectcrop", "used"}


def test_what_jobs_import_is_there_to_be_compiled(parts):
    names = [name for together in parts.steps._COMPILED for name in together]
    assert [name for name in names if find_spec(name) is None] == []


def test_the_set_up_is_read_by_the_python_of_an_old_system(root):
    for name in MODULES:
        tree = ast.parse((root / f"envs/{name}.py").read_text(), feature_version=(3, 8))
        assert tree.body, name


def test_the_set_up_of_this_checkout_is_over_in_seconds_when_done(root):
    record = root / ".setup/done.json"
    if not record.is_file() or "verified" not in json.loads(record.read_text()):
        pytest.skip("this checkout was set up by hand, not by make setup")
    start = time.monotonic()
    done = subprocess.run([sys.executable, "envs/set_up.py"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "done before" in done.stdout
    assert time.monotonic() - start < 5
