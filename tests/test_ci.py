"""What continuous integration adds to checks and tests: other Pythons, lowest versions, coverage of rooms."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement


@pytest.fixture
def ci(root, monkeypatch):
    """The modules of .ci."""
    monkeypatch.syspath_prepend(str(root / "envs"))
    monkeypatch.syspath_prepend(str(root / ".ci"))
    import check
    import coverage_by_room
    import lowest
    import other_python

    yield {"check": check, "coverage": coverage_by_room, "lowest": lowest, "other": other_python}
    for name in ("check", "coverage_by_room", "lowest", "other_python", "fast_tests", "interpreters", "write_conda"):
        sys.modules.pop(name, None)


def summary(lines: int, ran: int) -> dict:
    return {"summary": {"num_statements": lines, "covered_lines": ran}}


def test_the_code_of_a_room_is_counted_together(ci):
    files = {
        "objectcrop/ssl/losses/dense.py": summary(10, 10),
        "objectcrop/ssl/losses/contrastive.py": summary(30, 20),
        "objectcrop/boxes.py": summary(8, 6),
        "objectcrop/ssl/__init__.py": summary(0, 0),
        "workflow_scripts/pretrain.py": summary(2, 0),
    }
    assert [line.split() for line in ci["coverage"].table(files)] == [
        ["room", "lines", "ran"],
        ["boxes", "8", "75.0%"],
        ["ssl/losses", "40", "75.0%"],
        ["workflow_scripts", "2", "0.0%"],
        ["all", "50", "72.0%"],
    ]


def test_a_python_that_is_not_there_is_said_to_be_skipped(ci, monkeypatch, capsys):
    other = ci["other"]
    monkeypatch.setattr(other, "find", lambda version: None)
    assert other.main() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert re.match(r"Python 3\.1[12]: SKIPPED, none is on PATH", line)


def test_a_failure_on_one_python_fails_the_whole(ci, monkeypatch, capsys):
    other = ci["other"]
    monkeypatch.setattr(other, "find", lambda version: "python")
    monkeypatch.setattr(other, "run", lambda version, python: False)
    assert other.main() == 1
    assert "FAILED" in capsys.readouterr().out


def test_the_copy_for_another_python_is_a_repository_with_the_same_files(ci, root, tmp_path):
    other, target = ci["other"], tmp_path / "copy"
    other.copy(target)
    (target / "removed_since.py").write_text("")
    (target / ".venv").mkdir()
    (target / ".venv/installed").write_text("")
    other.copy(target)
    assert sorted(other.listed(target)) == sorted(other.listed(root))
    assert (target / ".venv/installed").exists()


def test_every_requirement_of_the_project_has_a_lowest_version_that_the_lock_allows(ci, root):
    asked = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = ci["lowest"].locked_versions()
    for requirement in map(Requirement, asked):
        assert ">=" in str(requirement.specifier), requirement
        assert locked[requirement.name] in requirement.specifier, requirement


def test_the_door_of_ci_runs_checks_tests_and_the_other_python(root):
    called = re.findall(r"^make ([\w-]+)", (root / ".ci/run").read_text(), flags=re.MULTILINE)
    assert called == ["check", "test", "other-python"]


def test_checks_that_ci_leaves_out_are_run_elsewhere_in_it(ci, root):
    """Tests of drift are among all tests and among the fast ones; mypy's result does not depend on the Python that runs it."""
    checks, settings = ci["check"].CHECKS, tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    assert 'make check CHECKS="--without drift"' in (root / ".ci/run").read_text()
    for file in checks["drift"].split("no:cacheprovider ")[1].split():
        assert Path(file).is_relative_to(settings["pytest"]["ini_options"]["testpaths"][0])
        assert "mark.slow" not in (root / file).read_text(), file
    assert set(ci["other"].CHECKS) <= set(checks)
    assert settings["mypy"]["python_version"] == "3.11"


def test_a_check_that_is_left_out_is_not_run(ci, monkeypatch, capsys):
    check, ran = ci["check"], []
    monkeypatch.setattr(check, "check", lambda name: ran.append(name) or check.Outcome(name, True, "", 0.0))
    monkeypatch.setattr(sys, "argv", ["check.py", "--without", "drift"])
    assert check.main() == 0
    assert sorted([*ran, "drift"]) == sorted(check.CHECKS)
    monkeypatch.setattr(sys, "argv", ["check.py", "--without", "drifft"])
    with pytest.raises(SystemExit):
        check.main()
    assert "no check drifft" in capsys.readouterr().err


def test_every_target_of_the_makefile_is_listed_in_its_first_line(root):
    text = (root / "Makefile").read_text()
    listed = set(re.findall(r"[\w-]+", text.splitlines()[0].split(";")[0].removeprefix("# make")))
    assert set(re.findall(r"^([\w-]+):.*##", text, flags=re.MULTILINE)) - {"lock"} == listed


def test_the_makefile_s_commands_exist(root):
    scripts = re.findall(r"\.ci/\w+\.py", (root / "Makefile").read_text())
    assert [name for name in scripts if not (root / name).is_file()] == []


@pytest.mark.parametrize(("target", "folder"), [("test-cluster", "cluster"), ("learn", "learning")])
def test_a_target_of_long_tests_finds_all_of_its_folder(root, target, folder):
    """Pytest leaves `long` and `learning` out, and also where another argument is the folder above it."""
    recipe = (root / "Makefile").read_text().split(f"\n{target}:")[1].split("\n")[1]
    arguments = recipe.split("-m pytest ")[1].split()
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert found == {path.relative_to(root).as_posix() for path in (root / "tests" / folder).rglob("test_*.py")}


def test_slurm_is_installed_from_the_packages_that_the_page_and_the_skipped_tests_name(root):
    from tests.cluster.slurm import PACKAGES

    for name in (".ci/run", "docs/cluster.md"):
        words = (root / name).read_text(encoding="utf-8").replace("install -y --no", "install --no")
        assert PACKAGES in words, name
