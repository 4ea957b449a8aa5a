"""Every path of the workflow is spelled once."""

import re
from collections import Counter

from objectcrop.study.plan import paths
from objectcrop.study.plan.paths import any_of, by_shard

TEMPLATES = {name: value for name, value in vars(paths).items() if name.isupper()}


def speakers(root):
    """What names paths: the rules, and all that plans a study."""
    return [root / "Snakefile", *(root / "rules").glob("*.smk"), *(root / "objectcrop/study").rglob("*.py")]


def test_results_are_named_by_templates_alone(root):
    named = [str(file.relative_to(root)) for file in speakers(root) if "results/" in file.read_text()]
    assert named == ["objectcrop/study/plan/paths.py"]


def test_no_path_is_spelled_twice(root):
    text = "".join(file.read_text() for file in speakers(root))
    spelled = Counter(re.findall(r'"((?:results|logs|benchmarks)/[^"]*)"', text))
    assert len(spelled) > 60
    assert [path for path, count in spelled.items() if count > 1] == []


def test_every_template_is_used(root):
    text = "".join(file.read_text() for file in speakers(root))
    assert [name for name in TEMPLATES if f"paths.{name}" not in text] == []


def test_the_fields_of_templates_are_wildcards():
    fields = {field for template in TEMPLATES.values() for field in re.findall(r"{(\w+)}", template)}
    assert fields == {"dataset", "source", "run", "task", "table", "seed", "shard"}


def test_shards_are_numbered_from_zero():
    assert by_shard("a/{dataset}/{shard}.npz", 2, dataset="x") == ["a/x/0.npz", "a/x/1.npz"]
    assert by_shard("a/{shard}.npz", 0) == []
    by_shard("a/{shard}.npz", 2).clear()  # the caller's own
    assert by_shard("a/{shard}.npz", 2) == ["a/0.npz", "a/1.npz"]


def test_a_pattern_matches_the_names_it_is_made_of_and_no_other():
    pattern = re.compile(any_of(["lod", "lod-large", "a.b"]))
    assert [bool(pattern.fullmatch(name)) for name in ("lod", "lod-large", "a.b", "axb", "lod-")] == [
        *(True, True, True),
        *(False, False),
    ]
    assert pattern.match("lod-large").group() == "lod-large"  # the longest first
    assert not re.fullmatch(any_of([]), "")
