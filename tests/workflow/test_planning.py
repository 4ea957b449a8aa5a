"""Every shipped study is planned; what is wrong with a study is said before the first job."""

import json
import re
import resource
import subprocess
import sys

import pytest
import yaml

from objectcrop.study.plan.plan import load_plan

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("planned")]

STUDIES = ("paper", "drawn_methods", "ohms", "coco", "minis", "openimages_full", "openimages_small")


@pytest.mark.parametrize("name", STUDIES)
def test_a_preset_plans_every_run_and_table(workflow, name):
    preset = f"presets/{name}.yaml"
    before = processor_seconds()
    jobs = workflow.planned("--configfile", preset)
    # 10 s for the paper's 3,816 jobs; inputs whose number grows as that of shards squared take minutes
    assert processor_seconds() - before < 40
    plan = load_plan(yaml.safe_load((workflow.folder / preset).read_text()))
    results = {result for table in plan.study.tables for result in plan.results.of_table(table)}
    judged = sum(jobs.get(rule, 0) for rule in ("evaluate_linear", "fine_tune", "segment"))
    assert judged == len(results)
    assert jobs["render_table"] == len(plan.study.tables)
    features = {plan.lod.of(source).features_run for source in plan.lod.sources()}
    assert jobs["pretrain"] == len(set(plan.results.runs()) | features)


def test_a_study_of_proposals_alone_trains_what_they_need_and_measures_each(workflow):
    preset = "presets/minis_lod.yaml"
    jobs = workflow.planned("--configfile", preset)
    measured = yaml.safe_load((workflow.folder / preset).read_text())["measured_proposals"]
    assert jobs["measure_proposals"] == sum(map(len, measured.values())) > 8
    assert jobs["pretrain"] == 1  # for LOD's own features
    assert "render_table" not in jobs


def test_the_images_of_a_detector_are_indexed_before_it_is_trained(workflow):
    """Images of another size than annotated stop there, and not in Detectron2 after a week of pretraining."""
    result = "results/eval/random-init/s0/detect-voc.json"
    done = workflow.run(result, "--configfile", "presets/minis.yaml", "--dry-run", "--workflow-profile", "none")
    assert "results/images/voc2012-mini/manifest.parquet" in done.stdout + done.stderr


HEAVY = {"torch", "torchvision", "cv2", "numba", "scipy", "matplotlib", "detectron2", "fiftyone"}


def test_the_default_study_is_planned_quickly_and_without_what_jobs_need(workflow, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    before = processor_seconds()
    done = workflow.run("--dry-run", "--workflow-profile", "none")
    # processor time, as tests run beside others; about 4 s on the wall of an idle machine (benchmarks/workflow.py)
    assert processor_seconds() - before < 12
    assert re.search(r"^all +1$", done.stdout + done.stderr, flags=re.MULTILINE)
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, flags=re.MULTILINE))
    assert {"snakemake.workflow", "objectcrop.study.plan.plan", "objectcrop.data.changes"} <= imported
    assert not HEAVY & imported


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_planning_imports_nothing_heavy(root):
    code = "import sys, objectcrop.study.plan.plan, objectcrop.study.digest, objectcrop.runtime.interpreter; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not {"torch", "pandas", "numpy", "fiftyone", "detectron2"} & set(done.stdout.split())


def test_a_table_and_a_single_file_are_targets(workflow):
    jobs = workflow.planned("detection-demo")
    assert jobs["render_table"] == 1
    assert "evaluate_linear" not in jobs
    jobs = workflow.planned("results/pretrain/oac/s0/backbone.safetensors")
    assert jobs["pretrain"] == 2  # oac, and scene-scene for the features of its proposals
    assert "render_table" not in jobs


def test_a_figure_asks_for_the_results_that_it_is_drawn_from(workflow):
    jobs = workflow.planned("figure2", "--configfile", "presets/paper.yaml")
    # scene crops, object crops on LOD's proposals of the former, and supervised
    assert (jobs["pretrain"], jobs["evaluate_linear"], jobs["render_table"]) == (3, 3, 1)
    assert not {"fine_tune", "export_backbone", "write_report", "draw_views"} & set(jobs)


def test_a_name_for_several_tables_makes_these(workflow):
    jobs = workflow.planned("table7", "--configfile", "presets/paper.yaml", "presets/budget_small.yaml")
    assert (jobs["pretrain"], jobs["fine_tune"], jobs["render_table"]) == (2, 4, 2)
    assert "evaluate_linear" not in jobs


def test_the_rows_of_table_4_on_drawn_scenes_are_an_overlay_of_the_default_study(workflow):
    jobs = workflow.planned("table4", "--configfile", "config.yaml", "presets/table4_drawn.yaml")
    assert jobs["pretrain"] == jobs["evaluate_linear"] == 8 * 2  # rows and seeds
    assert jobs["draw_scenes"] == jobs["render_table"] == 1
    assert not {"fine_tune", "write_report", "search_boxes", "download_metadata"} & jobs.keys()


def test_the_planned_cost_needs_no_run(workflow):
    assert workflow.planned("planned_cost", "--configfile", "presets/paper.yaml") == {"planned_cost": 1}


def test_a_semantic_segmenter_is_a_rule_of_its_own_behind_the_index_of_its_images(workflow):
    columns = [{"task": "pixels", "metric": "mIoU", "label": "mIoU"}]
    rows = [{"label": "none", "run": "random-init"}]
    overlay = {
        "tasks": {"pixels": {"kind": "semantic_segmenter", "dataset": "drawn", "resources": {"gpus": 0}}},
        "tables": {"pixels-demo": {"title": "Class maps", "columns": columns, "rows": rows}},
    }
    path = workflow.folder / "pixels.yaml"
    path.write_text(json.dumps(overlay))
    jobs = workflow.planned("pixels-demo", "--configfile", "pixels.yaml")
    path.unlink()
    assert jobs["segment"] == jobs["index_images"] == jobs["pretrain"] == 1
    assert not {"fine_tune", "export_backbone", "evaluate_linear"} & jobs.keys()


def results_of(workflow):
    """Files under results/: other tests of this group may have made some."""
    return sorted((workflow.folder / "results").rglob("*"))


def test_all_problems_of_a_study_are_one_message_before_the_first_job(workflow):
    overlay = {
        "runs": {"oac": {"losses": {"rotaton": 1.0}}},
        "tables": {"linear-demo": {"rows": [{"label": "gone", "run": "gone"}]}},
        "tasks": {"linear": {"dataset": "ohm"}},
    }
    path = workflow.folder / "wrong.yaml"
    path.write_text(json.dumps(overlay))
    before = results_of(workflow)
    done = workflow.run("--configfile", "wrong.yaml", check=False)
    path.unlink()
    text = done.stdout + done.stderr
    assert done.returncode != 0
    for part in ("3 problem(s)", "runs.oac.losses.rotaton", "'gone'", "did you mean 'ohms'"):
        assert part in text, text
    assert "Traceback" not in text
    assert results_of(workflow) == before


def test_missing_data_is_said_before_the_first_job(workflow, tmp_path):
    before = results_of(workflow)
    done = workflow.run("--configfile", "presets/minis.yaml", "--config", f"data_root={tmp_path}/nowhere", check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "nowhere/coco_val_pool_224/val2017 is not there" in text
    assert "nowhere/voc_mini/VOCdevkit/VOC2012 is not there" in text
    assert results_of(workflow) == before
