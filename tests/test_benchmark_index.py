"""`make bench` and the page that lists all benchmarks."""

import json
import re
import shutil
import sys

import pytest


@pytest.fixture(scope="module")
def parts(root):
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        import run_all
        import write_results
        from results_parts import benchmarks, key_figures, record, short_forms
    finally:
        sys.path.remove(str(root / "benchmarks"))
    return {
        "run_all": run_all,
        "titles": {name: heading.title for name, heading in write_results.HEADINGS.items()},
        "page": benchmarks.benchmarks_page,
        "keys": key_figures.KEYS,
        "record": record,
        "forms": short_forms,
    }


def test_every_benchmark_has_a_short_form_or_a_reason_to_be_left_out(root, parts):
    scripts = {path.stem for path in (root / "benchmarks").glob("*.py")}
    forms = parts["forms"]
    assert set(forms.SHORT) | set(forms.LEFT_OUT) == scripts
    assert not set(forms.SHORT) & set(forms.LEFT_OUT)
    assert set(parts["keys"]) == set(forms.SHORT)
    assert set(forms.SHORT) <= set(parts["titles"])


def test_the_short_forms_share_half_an_hour(parts):
    assert sum(form.minutes for form in parts["forms"].SHORT.values()) < parts["forms"].MOST_MINUTES == 30


def test_options_of_short_forms_are_options_of_the_benchmarks(root, parts):
    for name, form in parts["forms"].SHORT.items():
        known = re.findall(r'add_argument\(\s*"(--[\w-]+)"', (root / f"benchmarks/{name}.py").read_text())
        assert {word for word in form.arguments if word.startswith("--")} <= set(known), name


def test_every_result_of_a_benchmark_has_its_key_figure(root, parts):
    files = [root / f"benchmarks/results/{name}.json" for name in parts["keys"]]
    files += sorted((root / "benchmarks/results/short").glob("*.json"))
    there = [path for path in files if path.is_file()]
    assert len(there) > 15
    for path in there:
        assert isinstance(parts["keys"][path.stem].read(json.loads(path.read_text())), float | int), path


STEP = {"command": "python benchmarks/step.py", "machine": "a machine", "ratios": {"lightly_moco": 1.5}, "rows": []}


def test_the_page_has_both_forms_with_their_origins(tmp_path, parts):
    (tmp_path / "short").mkdir()
    (tmp_path / "step.json").write_text(json.dumps(STEP))
    short = STEP | {"ratios": {"lightly_moco": 1.25}, "commit": "abc1234"}
    short |= {"took": {"wall_min": 0.5, "processor_min": 0.25}}
    (tmp_path / "short/step.json").write_text(json.dumps(short))
    page = parts["page"](parts["titles"], tmp_path)
    assert "| [A step of training](step.md) | lightly's step over ours | 1.5 times | 1.25 times |" in page
    assert "- step, long: `python benchmarks/step.py`; commit not recorded; a machine." in page
    joined = " ".join(page.split())
    assert (
        "- step, short: `python benchmarks/step.py`; commit abc1234; a machine; 0.5 minutes, 0.25 of the processor."
        in joined
    )
    assert (
        "1 of 17 short forms were timed: 0.5 minutes, 0.2 of the processor. The others have a share of 28.5 minutes"
        in joined
    )
    assert "| Making OHMS | plain pandas' time over ours |  |  |" in page  # not measured
    assert "- `gpu.py`: needs a GPU." in page


BENCHMARK = """
import sys
sys.path.insert(0, sys.argv[1])
from results_parts.record import record
record("tried", {"command": "x", "conditions": "1 thread", "rows": [], "ratios": {}, "versions": {}})
"""


def test_a_run_leaves_the_results_of_the_long_form_and_adds_commit_machine_and_time(root, tmp_path, parts):
    script = tmp_path / "tried.py"
    script.write_text(BENCHMARK)
    before = sorted(parts["record"].RESULTS.rglob("*"))
    took = parts["run_all"].run(script, [str(root / "benchmarks")], tmp_path / "short", "abc1234")
    assert sorted(parts["record"].RESULTS.rglob("*")) == before
    result = json.loads((tmp_path / "short/tried.json").read_text())
    assert result["commit"] == "abc1234"
    assert result["took"] == {name: round(value, 2) for name, value in took._asdict().items()}
    assert took.wall_min > 0
    assert re.search(r"\d+ cores, (AVX|DEFAULT|NO|default).*; 1 thread$", result["machine"])
    shutil.rmtree(tmp_path / "short")


def test_a_benchmark_that_fails_ends_the_run(tmp_path, parts):
    script = tmp_path / "tried.py"
    script.write_text("raise SystemExit(3)")
    with pytest.raises(parts["run_all"].subprocess.CalledProcessError):
        parts["run_all"].run(script, [], tmp_path / "short", None)
