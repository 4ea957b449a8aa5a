"""Planning takes little more than Snakemake itself does for as many jobs, also with thousands of shards."""

import json
import re
import subprocess
import sys

import pytest

from benchmarks.workflow_parts.bare import Jobs, jobs_of, spent, write_bare

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("planned")]

NUM_SHARDS = 2000


def test_two_thousand_shards_are_planned_in_little_more_than_snakemake_takes(workflow, tmp_path):
    """Beside the same jobs with constant directives, in processor seconds of the same minutes: machines differ, ratios little."""
    overlay = tmp_path / "shards.json"
    overlay.write_text(json.dumps({"proposals": {"lod": {"num_shards": NUM_SHARDS}}}))
    arguments = ["--configfile", "config.yaml", str(overlay)]
    jobs = jobs_of(arguments, workflow.folder, workflow.environment)
    rules = list(jobs.rules.values())
    assert rules.count("extract_features") == rules.count("score_pairs") == NUM_SHARDS
    # a file that stands for all shards, not all shards as inputs of each
    assert jobs.num_needs < 6 * len(rules)
    write_bare(tmp_path / "bare", jobs, is_dressed=True)
    bare, _ = spent(["--dry-run"], tmp_path / "bare")
    ours, _ = spent(["--dry-run", *arguments], workflow.folder, workflow.environment)
    assert ours.processor_s < 2 * bare.processor_s, (ours, bare)
    assert ours.processor_s < 60  # about 12 s on a machine that does nothing else


def test_a_bare_workflow_has_the_same_jobs_and_needs(tmp_path):
    jobs = Jobs({0: "all", 1: "draw", 2: "draw", 3: "join"}, {0: [3], 3: [1, 2]})
    for is_dressed in (False, True):
        folder = tmp_path / str(is_dressed)
        write_bare(folder, jobs, is_dressed=is_dressed)
        found = jobs_of([], folder)
        assert sorted(found.rules.values()) == sorted(jobs.rules.values())
        named = {(found.rules[one], found.rules[other]) for one, needed in found.needs.items() for other in needed}
        assert named == {("all", "join"), ("join", "draw")}
        assert found.num_needs == jobs.num_needs == 3


def test_what_rules_import_loads_neither_torch_nor_pandas(root):
    """Each job that Slurm starts reads the rules again; Snakemake's own plugins may load what they need."""
    text = "".join(path.read_text() for path in sorted((root / "rules").glob("*.smk")))
    modules = sorted(set(re.findall(r"^from (objectcrop[\w.]*) import", text, flags=re.MULTILINE)))
    assert len(modules) > 10
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    heavy = {"torch", "torchvision", "pandas", "numpy", "scipy", "cv2", "numba", "fiftyone", "detectron2", "matplotlib"}
    assert not heavy & set(done.stdout.split())
