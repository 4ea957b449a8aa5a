"""What no tool checks: files that hold for every machine, and rooms that import what a bare GPU node has."""

import ast
import os
import re
import subprocess
import sys

import pytest
import yaml

from objectcrop.study.plan.plan import load_plan

TEXT = (
    ".py",
    ".smk",
    ".md",
    ".yaml",
    ".toml",
    ".sh",
    ".in",
    ".lock",
    ".cff",
    ".rst",
    ".html",
    ".css",
    ".json",
    ".csv",
    "",
)
LONGEST_LINE = 140
MOST_LINES = 300


LONGEST_SCRIPT = 60
# image; again, from scratch; resume, continue; merge, override; state, say; is; reject; augment; EMA update; baselines
OUR_OWN_WORDS = (
    r"\b(pictures?|anew|go(es)? on|laid (over|in|beside)|told|tells|lies?|refused?|refuses|unpainted|painted|"
    r"look(s|ed)? at|looked (for|up)|follows slowly|farewell|strangers?|doubts?|turned|by so many)\b"
)
ADDRESS = r"https?://|--(?:extra-)?index-url|--find-links"
BARE = {"torch", "torchvision", "numpy", "scipy", "pandas", "pyarrow", "PIL", "cv2", "pydantic", "numba", "objectcrop"}
ON_PURPOSE = {"objectcrop/data/downloads/transfer.py": {"urllib3"}, "objectcrop/runtime/progress.py": {"tqdm"}}
"""A node that computes downloads nothing, and shows lines where it has no bars."""
ROOMS_ON_A_BARE_NODE = (
    "boxes.py",
    "parquet.py",
    "tables.py",
    "data",
    "ohms.py",
    "proposals",
    "views",
    "ssl",
    "runtime",
    "study",
)


def tracked(root):
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if name and (root / name).is_file()]


def lines_with(root, pattern):
    found = []
    for name in tracked(root):
        path = root / name
        if path.suffix in TEXT:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if re.search(pattern, line):
                    found.append(f"{name}:{number}: {line.strip()[:120]}")
    return found


def imported(path):
    """Top-level names that a file imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_no_file_holds_a_path_of_one_machine(root):
    homes = "|".join(["/ho" + "me/[a-z]", "/roo" + "t/", "/Us" + "ers/", re.escape(str(root)) + r"\b"])
    assert lines_with(root, homes) == []


def test_no_lock_or_requirement_holds_an_address(root):
    names = [name for name in tracked(root) if name.endswith(".lock") or name.startswith("requirements")]
    assert len(names) >= 4
    held = {name: re.findall(ADDRESS, (root / name).read_text()) for name in names}
    assert {name: found for name, found in held.items() if found} == {}


def test_no_file_is_pickled_or_compiled_into_the_repository(root):
    endings = (".pkl", ".pyc", ".npy", ".npz", ".pt", ".pth", ".so", ".whl", ".tar.gz", ".zip")
    assert [name for name in tracked(root) if name.endswith(endings)] == []


def test_no_script_is_longer_than_60_lines(root):
    """It reads, calls the library and writes; what it computes has a room there."""
    files = sorted((root / "workflow_scripts").glob("*.py"))
    scripts = [file for file in files if "def main(" in file.read_text(encoding="utf-8")]
    assert len(scripts) > 30
    lengths = {script.name: len(text(root, script.relative_to(root))) for script in scripts}
    assert {name: length for name, length in lengths.items() if length > LONGEST_SCRIPT} == {}


def test_no_line_of_markdown_is_longer_than_140_characters(root):
    pages = [name for name in tracked(root) if name.endswith(".md")]
    assert len(pages) > 30
    lines = {f"{name}:{number}": len(line) for name in pages for number, line in enumerate(text(root, name), start=1)}
    assert {place: length for place, length in lines.items() if length > LONGEST_LINE} == {}


def test_no_file_of_python_has_more_than_300_lines(root):
    lengths = {name: len(text(root, name)) for name in tracked(root) if name.endswith(".py")}
    assert len(lengths) > 300
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_pages_use_the_words_of_the_field(root):
    """Code in backticks and blocks of code may name what the code calls so."""
    found = []
    for name in tracked(root):
        if name.endswith(".md"):
            page = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", blank, "\n".join(text(root, name)), flags=re.DOTALL)
        elif name.endswith(".yaml"):
            page = "\n".join(line.partition("#")[2] for line in text(root, name))
        else:
            continue
        for number, line in enumerate(page.splitlines(), start=1):
            if re.search(OUR_OWN_WORDS, line, flags=re.IGNORECASE):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert found == []


def blank(match):
    return "\n" * match.group(0).count("\n")


def text(root, name):
    return (root / name).read_text(encoding="utf-8").splitlines()


def test_the_rooms_that_compute_import_only_what_a_bare_gpu_node_has(root):
    allowed = BARE | set(sys.stdlib_module_names)
    rooms = [root / "objectcrop" / room for room in ROOMS_ON_A_BARE_NODE]
    files = [file for room in rooms for file in ([room] if room.suffix else room.rglob("*.py"))]
    assert len(files) > 40
    strangers = {str(file.relative_to(root)): imported(file) - allowed for file in files}
    assert {name: found for name, found in strangers.items() if found} == ON_PURPOSE


def test_every_rule_has_a_script_of_its_name(root):
    called = set()
    for file in sorted((root / "rules").glob("*.smk")):
        for name, body in re.findall(
            r"^rule (\w+):\n(.*?)(?=^rule |\Z)", file.read_text(), flags=re.MULTILINE | re.DOTALL
        ):
            scripts = re.findall(r"workflow_scripts\.(\w+)", body)
            assert set(scripts) == {name}, f"rule {name} of {file.name} calls {scripts}"
            called.add(name)
    assert len(called) > 10
    missing = [name for name in called if not (root / f"workflow_scripts/{name}.py").is_file()]
    assert missing == []


def test_the_layers_hold(root):
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_before_a_commit_are_the_checks_of_make(root):
    hooks = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    listed = subprocess.run(
        [sys.executable, ".ci/check.py", "--help"], cwd=root, capture_output=True, text=True, check=True
    )
    checks = re.search(r"of ([\w, ]+);", " ".join(listed.stdout.split())).group(1).split(", ")
    assert sorted(hook["id"] for hook in hooks) == sorted(checks)
    assert all(hook["entry"].endswith(f"check.py {hook['id']}") for hook in hooks)


def test_an_unknown_check_is_refused(root):
    command = [sys.executable, ".ci/check.py", "speling"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no check speling; there are" in done.stderr


def guides(root):
    return [name for name in tracked(root) if name.endswith(".md")]


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_of_the_pages_lead_somewhere(root):
    broken = []
    for name in guides(root):
        page = root / name
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
            other = page.parent / target if target else page
            if "://" in target:
                continue
            if not other.exists() or (anchor and anchor not in anchors(other)):
                broken.append(f"{name}: {target}#{anchor}")
    assert broken == []


def test_the_study_in_the_guide_can_be_planned(root):
    block = re.search(r"```yaml\n(name:.*?)```", (root / "docs/own_data.md").read_text(), flags=re.DOTALL).group(1)
    plan = load_plan(yaml.safe_load(block))
    assert set(plan.results.runs()) == {"scene-scene", "objects"}


def test_commands_of_the_guide_name_files_tables_and_rules_that_exist(root):
    pages = "\n".join((root / name).read_text() for name in guides(root))
    files = set(re.findall(r"(?:--configfile|--workflow-profile) ((?:presets|profiles)/[\w./]+\w)", pages))
    assert files
    assert [name for name in files if not (root / name).exists()] == []
    rules = set(re.findall(r"--forcerun (\w+)", pages))
    assert rules
    assert [name for name in rules if not (root / f"workflow_scripts/{name}.py").is_file()] == []
    modules = set(re.findall(r"-m workflow_scripts\.(\w+)", pages))
    assert [name for name in modules if not (root / f"workflow_scripts/{name}.py").is_file()] == []
    targets = set(re.findall(r"snakemake --cores all ([a-z]+-[a-z]+)`", pages))
    assert targets
    assert targets <= set(yaml.safe_load((root / "config.yaml").read_text())["tables"])


@pytest.mark.xdist_group("grouping")
def test_groups_of_tests_stay_on_one_worker():
    """Session fixtures take minutes; pytest 9.2 with pytest-xdist 3.8 spreads the tests of a group without a word."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process runs all tests")
    assert "@grouping" in os.environ["PYTEST_CURRENT_TEST"]
