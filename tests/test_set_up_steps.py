"""The steps of the set-up: what each installs, keeps, compiles, verifies, and says when it fails."""

import sys
from importlib.util import find_spec

import pytest

from tests.set_up_parts import modules_of_set_up, program

parts = pytest.fixture(modules_of_set_up)


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
