"""The locks hold together: hashes, no addresses, and conda files at the same versions."""

import ast
import contextlib
import re
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from objectcrop.study import digest

LOCKS = ("requirements.lock", "detectron2.lock", "mongod.lock", "envs/uv.lock", "envs/opencv.lock")


@pytest.fixture
def conda(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "envs"))
    import write_conda

    yield write_conda
    sys.modules.pop("write_conda")


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_of_a_lock_has_a_hash(root, name):
    blocks = re.split(r"\n(?=\S)", (root / name).read_text().strip())
    assert blocks
    for block in blocks:
        assert re.match(r"[\w.-]+==\S+", block), block
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_no_address(root, name):
    assert "://" not in (root / name).read_text()


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_lock_has_every_package_that_is_asked_for_at_the_version_asked_for(root, conda, python):
    locked = conda.pins((root / "requirements.lock").read_text(), python)
    asked = re.findall(r"^([\w.-]+)(?:==([\w.]+))?", (root / "requirements.in").read_text(), flags=re.MULTILINE)
    assert len(asked) > 30
    for name, wanted in asked:
        assert name.lower() in locked, f"{name} is not in the lock: make lock"
        assert locked[name.lower()].startswith(wanted.rstrip(".")), f"{name}: {locked[name.lower()]}: make lock"


def test_the_conda_files_hold_the_versions_of_the_lock(root, conda):
    versions = conda.locked_versions()
    assert set(conda.DOORS) == {path.stem for path in (root / "envs").glob("*.yaml")}
    for door, names in conda.DOORS.items():
        text = (root / f"envs/{door}.yaml").read_text()
        assert text == conda.conda_file(names, versions), f"envs/{door}.yaml: run python envs/write_conda.py"


def test_both_builds_of_opencv_have_one_version(conda):
    versions = conda.locked_versions()
    assert versions["opencv-contrib-python-headless"] == versions["opencv-python-headless"], "make lock"


def test_the_contrib_build_of_opencv_is_the_one_that_is_imported():
    import cv2

    assert hasattr(cv2, "ximgproc"), "make setup"


def test_a_pin_for_another_python_or_system_is_not_taken(conda):
    lock = "a==1 ; python_full_version < '3.12' \\\na==2 ; python_full_version >= '3.12' \\\nb==3 ; sys_platform == 'win32' \\\n"
    assert conda.pins(lock, "3.11") == {"a": "1"}
    assert conda.pins(lock, "3.12") == {"a": "2"}


@pytest.mark.parametrize(("script", "lock"), [("detectron2", "detectron2.lock"), ("fiftyone", "mongod.lock")])
def test_the_scripts_for_conda_install_what_the_locks_name(root, script, lock):
    assert (root / lock).read_text().strip() in (root / f"envs/{script}.post-deploy.sh").read_text()


def test_every_rule_names_a_conda_file_that_exists(root):
    named = {
        path for file in (root / "rules").glob("*.smk") for path in re.findall(r'"\.\./(envs/[^"]+)"', file.read_text())
    }
    assert named
    assert {path for path in named if not (root / path).is_file()} == set()


def reached(root, module):
    """Names outside the project that a module imports, itself or through modules of ours."""
    todo, seen, outside = [module], set(), set()
    while todo:
        name = todo.pop()
        base = root.joinpath(*name.split("."))
        for path in {base.with_suffix(".py"), base / "__init__.py"} - seen:
            if path.is_file():
                seen.add(path)
                todo += sorted(set(digest._imports(ast.parse(path.read_text(encoding="utf-8")))))
        outside |= {name.split(".")[0]} - set(digest.PROJECT)
    return outside - set(sys.stdlib_module_names)


def with_their_needs(names):
    """Packages, and all that they ask for where they are installed without extras."""
    todo, known = list(names), set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name not in known:
            known.add(name)
            with contextlib.suppress(PackageNotFoundError):
                needs = [Requirement(text) for text in requires(name) or ()]
                todo += [need.name for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
    return known


def test_the_conda_file_of_a_rule_holds_what_its_script_imports(root, conda):
    owners = packages_distributions()
    rules = {}
    for file in sorted((root / "rules").glob("*.smk")):
        for body in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            door, name = re.search(r'"\.\./envs/(\w+)\.yaml"', body), body.split(":")[0]
            rules |= {name: door[1]} if door else {}
    assert len(rules) > 10
    for name, door in rules.items():
        held = with_their_needs(package.replace("-contrib", "") for package in conda.DOORS[door])
        # detectron2 comes from a script of its own, after the file's packages
        packages = reached(root, f"workflow_scripts.{name}") - {"detectron2"}
        missing = {package for package in packages if held.isdisjoint(map(canonicalize_name, owners[package]))}
        assert missing == set(), f"envs/{door}.yaml, of rule {name}"


def test_what_is_installed_is_what_the_lock_says(root, conda):
    locked = conda.pins((root / "requirements.lock").read_text(), f"3.{sys.version_info.minor}")
    other = {}
    for name in (
        "torch",
        "torchvision",
        "opencv-python-headless",
        "snakemake",
        "pandas",
        "numpy",
        "fiftyone",
        "ruff",
        "mypy",
    ):
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "nothing"
        if found != locked[name]:
            other[name] = f"{found}, the lock says {locked[name]}"
    assert other == {}, "make setup"
