"""presets/budget_small.yaml makes the paper's rows at about a hundredth of their cost, on one GPU, and says so in every title."""

import pytest
import yaml

from objectcrop.study.merging import overlay
from objectcrop.study.plan.plan import load_plan


@pytest.fixture(scope="module")
def paper(root):
    return yaml.safe_load((root / "presets/paper.yaml").read_text())


@pytest.fixture(scope="module")
def plans(root, paper, tmp_path_factory):
    """The paper's, and the small one's; with the optional files, so that every row is in it, and without results."""
    folder = tmp_path_factory.mktemp("data")
    for run in paper["runs"].values():
        if run.get("method") == "external":
            (folder / run["backbone"]["weights"]).parent.mkdir(exist_ok=True)
            (folder / run["backbone"]["weights"]).touch()
    (folder / paper["proposals"]["bing"]["model_folder"]).mkdir(parents=True)
    small = overlay(paper, yaml.safe_load((root / "presets/budget_small.yaml").read_text()))
    return [load_plan(config | {"data_root": str(folder)}) for config in (paper, small)]


@pytest.fixture(autouse=True)
def without_results(tmp_path, monkeypatch):
    """Rates that were measured in the working folder would count."""
    monkeypatch.chdir(tmp_path)


def test_it_has_the_same_rows_and_columns(plans):
    paper, small = (plan.study for plan in plans)
    assert small.tables == paper.tables
    assert small.targets == paper.targets
    assert plans[1].results.judged() == plans[0].results.judged()


def test_each_row_costs_about_a_hundredth(plans):
    outside = []
    for table in plans[0].study.tables:
        rows = [plan.costs.of_table(table).rows for plan in plans]
        for before, after in zip(*rows, strict=True):
            share = after.hours.hours / before.hours.hours if before.hours.hours else 0.01
            if not 0.008 < share < 0.012:
                outside.append((table, before.label, share))
    assert outside == []
    together = [plan.costs.job().together.hours for plan in plans]
    assert together[1] / together[0] == pytest.approx(0.01, rel=0.05)


def test_every_title_says_so(plans):
    small = plans[1]
    note = "(at about 1/100 of the paper's cost: 112 px, 1/25 of the steps)"
    titles = [small.results.table_job(table).table.title for table in small.study.tables]
    titles += [small.report.job().study.title, small.costs.job().title]
    assert len(titles) > 25
    assert [title for title in titles if not title.endswith(note)] == []


def test_every_job_asks_for_one_gpu(plans):
    study = plans[1].study
    assert {run.resources.gpus for run in study.runs.values() if run.is_trained} == {1}
    assert {task.resources.gpus for task in study.tasks.values()} == {1}


def test_runs_keep_what_tells_them_apart(plans):
    """Method, regions, proposals, losses, batch and rate are the paper's."""
    for name, run in plans[0].study.runs.items():
        small = plans[1].study.runs[name]
        assert (small.method, small.dataset, small.losses, small.heads) == (
            run.method,
            run.dataset,
            run.losses,
            run.heads,
        )
        views = run.views.model_dump() | {"size_px": small.views.size_px, "small_crops": None}
        assert small.views.model_dump() | {"small_crops": None} == views
        kept = ("name", "learning_rate", "global_batch_size", "weight_decay", "schedule")
        assert [getattr(small.optimizer, key) for key in kept] == [getattr(run.optimizer, key) for key in kept]


def test_the_scores_of_lod_shrink_too(plans):
    for name in plans[0].lod.sources():
        before, after = (plan.lod.of(name) for plan in plans)
        scores = [lod.num_neighbours * lod.max_regions**2 for lod in (before, after)]
        assert 0.01 < scores[1] / scores[0] < 0.02
