"""GPU-hours: of rates measured here where there are files, else of assumed ones, each marked as what it is."""

import json

import pytest

from objectcrop.study.jobs.costs import Hours
from objectcrop.study.plan.plan import load_plan


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def costs(config):
    """A V100 that reaches 1 TFLOP a second, and 360,000 training images."""
    config["costs"] = {
        "gpu": {"teraflops": 1.0, "detector_images_per_s": 2.0, "segmenter_images_per_s": 4.0},
        "images": {"ohms": {"train": 360_000, "test": 36_000}, "drawn": {"train": 8, "test": 800}},
    }
    return config


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def test_a_run_that_was_not_trained_here_is_assumed(costs):
    plan = load_plan(costs)
    # 2 epochs of 360,000 images of 4 x 8.18 GFLOP at 1,000 GFLOP a second
    assert plan.costs.of_run("scene").hours == pytest.approx(200 * 4 * 8.18 / 1000)
    assert plan.costs.of_run("labels").hours == pytest.approx(200 * 3 * 8.18 / 1000)
    assert {plan.costs.of_run(run).basis for run in ("scene", "labels")} == {"assumed"}
    assert plan.costs.of_run("random-init") == Hours()


def test_a_run_that_ended_here_is_measured(costs, working_folder):
    for seed, seconds in ((0, 3600), (1, 7200)):
        write(working_folder / f"results/pretrain/labels/s{seed}/summary.json", {"cost": {"seconds": seconds}})
    assert load_plan(costs).costs.of_run("labels") == Hours(hours=3.0, basis="measured")  # 1.5 hours of 2 GPUs


def test_a_run_under_way_is_measured_by_its_latest_whole_line(costs, working_folder):
    lines = [{"images_seen": 100, "seconds": 1}, {"images_seen": 2000, "seconds": 10}]
    text = "".join(f"{json.dumps(line)}\n" for line in lines) + '{"images_seen": 99'
    write(working_folder / "results/pretrain/scene/s0/checkpoints/metrics.jsonl", text)
    assert load_plan(costs).costs.of_run("scene") == Hours(hours=1.0, basis="measured")  # 720,000 at 200 a second


def test_a_run_on_the_cpu_takes_no_gpu(costs):
    costs["runs"]["scene"] = costs["runs"]["scene"] | {"resources": {"gpus": 0}}
    assert load_plan(costs).costs.of_run("scene") == Hours()


def test_what_is_not_known_is_said_to_be_so(config):
    config["datasets"]["photos"] = {"source": "folder", "images": "photos"}
    config["runs"]["scene"] = config["runs"]["scene"] | {"dataset": "photos"}
    plan = load_plan(config)
    assert plan.costs.of_run("scene") == Hours(basis="unknown")
    assert plan.costs.of_table("one").together.basis == "unknown"


def test_a_linear_layer_takes_a_forward_pass_of_every_image_of_every_epoch(costs):
    costs["tasks"]["linear"] |= {"epochs": 10, "decay_epochs": [5]}
    result = load_plan(costs).costs.of_result("scene", "linear")
    assert (result.hours, result.basis) == (pytest.approx((10 * 100 + 10) * 8.18 / 1000), "assumed")
    costs["tasks"]["linear"]["cached_views"] = 2
    assert load_plan(costs).costs.of_result("scene", "linear").hours == pytest.approx((2 * 100 + 10) * 8.18 / 1000)


def test_a_fine_tuning_takes_its_iterations_and_a_third_for_each_test_image(costs, working_folder):
    schedule = {"max_iterations": 900, "decay_iterations": [], "images_per_batch": 16}
    sides = {"train_short_sides_px": [720], "test_short_side_px": 360}
    costs["tasks"]["masks"] |= {"schedule": schedule | sides}
    hours = load_plan(costs).costs.of_result("random-init", "masks").hours
    assert hours == pytest.approx((900 * 16 + 800 / 4 / 3) / 4 / 3600, rel=1e-3)
    write(working_folder / "results/eval/random-init/s1/masks.json", {"cost": {"seconds": 450}})
    assert load_plan(costs).costs.of_result("random-init", "masks") == Hours(hours=1.0, basis="measured")  # 8 GPUs


def test_a_row_has_its_own_run_and_a_table_shared_runs_once_with_those_that_give_features(costs):
    costs["runs"]["objects"] |= {"optimizer": {"epochs": 3, "global_batch_size": 8}}
    costs["tables"]["one"]["rows"] = [
        {"label": "objects", "run": "objects"},
        {"label": "again", "run": "objects"},
        {"label": "gain", "difference": {"of": ["objects"], "minus": ["again"]}},
    ]
    plan = load_plan(costs)
    of_run, of_task = plan.costs.of_run("objects").hours, plan.costs.of_result("objects", "linear").hours
    table = plan.costs.of_table("one")
    assert [row.hours.hours for row in table.rows] == pytest.approx([2 * (of_run + of_task)] * 2 + [0])  # two seeds
    assert [row.hours.basis for row in table.rows] == ["assumed", "assumed", "nothing"]
    features = plan.costs.of_run("scene").hours
    assert features == pytest.approx(of_run * 2 / 3)
    assert table.together.hours == pytest.approx(2 * (of_run + features + of_task))


def test_a_sum_of_measured_and_assumed_parts_is_partly_assumed(costs, working_folder):
    write(working_folder / "results/pretrain/scene/s0/summary.json", {"cost": {"seconds": 3600}})
    rows = load_plan(costs).costs.of_table("one").rows
    assert [row.hours.basis for row in rows] == ["assumed", "partly assumed", "assumed"]


def test_what_was_measured_changes_the_job_and_not_the_lineage_of_the_study(costs, working_folder):
    before = load_plan(costs)
    job, files = before.costs.job(), before.lineage.files()
    write(working_folder / "results/pretrain/scene/s0/summary.json", {"cost": {"seconds": 3600}})
    after = load_plan(costs)
    assert after.costs.job() != job
    assert after.lineage.files() == files


def test_every_heading_has_the_note_of_the_study(costs):
    plan = load_plan(costs | {"title_note": "cut"})
    job = plan.costs.job()
    assert job.title == "A small study (cut)"
    assert [table.title for table in job.tables] == ["One (cut)", "Two (cut)"]
    assert plan.results.table_job("one").table.title == "One (cut)"
    assert plan.report.job().study.title == "A small study (cut)"
