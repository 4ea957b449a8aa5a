"""presets/table4_drawn.yaml: the rows of the paper's table 4 on drawn scenes, over the default study."""

import pytest
import yaml

from objectcrop.study.merging import overlay
from objectcrop.study.plan.plan import load_plan


def read(path):
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def plan(root):
    return load_plan(overlay(read(root / "config.yaml"), read(root / "presets/table4_drawn.yaml")))


def test_it_has_the_rows_and_the_metric_of_the_papers_table_4(root, plan):
    paper = load_plan(read(root / "presets/paper.yaml")).study.tables["table4"]
    ours = plan.study.tables["table4"]
    rows = [row for row in ours.rows if row.difference is None]
    assert [row.paper_row for row in rows] == [row.paper_row for row in paper.rows]
    assert [row.label for row in rows] == [row.label for row in paper.rows]
    assert ours.columns[0].paper_metric == paper.columns[0].paper_metric
    assert ours.paper_table == paper.paper_table


def test_its_runs_differ_as_the_papers_do(root, plan):
    """Method, regions, kind of proposals, heads and losses of each row."""
    paper = load_plan(read(root / "presets/paper.yaml"))

    def described(of):
        for row in of.study.tables["table4"].rows:
            if row.run is not None:
                run = of.study.runs[row.run]
                used = of.study.proposals[run.views.proposals].kind if run.uses_objects else None
                yield row.label, run.method, run.views.regions, used, run.heads, run.losses

    assert list(described(plan)) == list(described(paper))


def test_it_runs_on_a_cpu_and_has_seeds_and_differences(plan):
    runs = [plan.study.runs[run] for run, _ in plan.results.cells("table4")]
    assert {run.resources.gpus for run in runs} == {0}
    assert len(plan.study.seeds) == 2
    assert [row.label for row in plan.study.tables["table4"].rows if row.difference]
