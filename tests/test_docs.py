"""Files and names that the pages on the code mention exist."""

import ast
import re

import pytest

PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
FOLDERS = r"(?:\.ci|benchmarks|docs|envs|objectcrop|presets|profiles|rules|tests|workflow_scripts)"
PATH = rf"`({FOLDERS}/[\w./]*)`"
NAMES_AFTER = rf"{PATH} \((`\w+`(?:, `\w+`)*)\)"
NAMES_BEFORE = rf"`(\w+)` (?:in|of) {PATH}"


def text(root, page):
    return " ".join((root / page).read_text(encoding="utf-8").split())


def defined(path):
    """Names that a file defines at any depth: functions, classes, constants."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def mentioned(words):
    """Pairs of a file and a name in it."""
    after = [(path, name) for path, names in re.findall(NAMES_AFTER, words) for name in re.findall(r"\w+", names)]
    return after + [(path, name) for name, path in re.findall(NAMES_BEFORE, words)]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_named_on_the_page_exists(root, page):
    paths = re.findall(PATH, text(root, page))
    assert len(paths) > 20
    patterns = [path for path in paths if "NAME" in path]
    assert [path for path in paths if path not in patterns and not (root / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_function_named_on_the_page_is_in_its_file(root, page):
    pairs = [(path, name) for path, name in mentioned(text(root, page)) if path.endswith(".py")]
    assert len(pairs) > 10
    assert [(path, name) for path, name in pairs if name not in defined(root / path)] == []


def test_names_are_found_before_and_after_their_file():
    words = "`info_nce` in `objectcrop/a.py`, then `objectcrop/b.py` (`one`, `two`)"
    assert mentioned(words) == [("objectcrop/b.py", "one"), ("objectcrop/b.py", "two"), ("objectcrop/a.py", "info_nce")]


def test_editing_hough_reruns_what_the_page_says(root):
    answer = re.search(r"\*\*3\. What reruns.*?\*\*4\.", text(root, "CONTRIBUTING.md")).group(0)
    said = set(re.findall(r"`(\w+)`(?= and|, then)", answer))
    edited = root / "objectcrop/proposals/lod/ranking/hough.py"
    scripts = [path.stem for path in (root / "workflow_scripts").glob("*.py") if path.stem != "__init__"]
    assert said == {name for name in scripts if edited in files_of(f"workflow_scripts.{name}", root)}


def files_of(module, root):
    """Files of our own that a module imports, directly or not, and its own."""
    files, todo = set(), [module]
    while todo:
        base = root.joinpath(*todo.pop().split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file() and path not in files:
                files.add(path)
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                    if isinstance(node, ast.Import):
                        todo += [alias.name for alias in node.names]
                    elif isinstance(node, ast.ImportFrom) and node.module:
                        todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return {path for path in files if path.is_relative_to(root)}
