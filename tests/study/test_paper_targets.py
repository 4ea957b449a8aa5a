"""Every number of the paper is a row of presets/paper.yaml, and each target asks for what a written list says, no more."""

from collections import Counter

import pytest
import yaml

from objectcrop.study.paper import read_paper_values
from objectcrop.study.plan.plan import load_plan


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def config(root):
    return read(root / "presets/paper.yaml")


@pytest.fixture(scope="module")
def listed(root):
    return read(root / "tests/study/paper_targets.yaml")


@pytest.fixture(scope="module")
def plan(config, tmp_path_factory):
    """Without any file of the user."""
    return load_plan(config | {"data_root": str(tmp_path_factory.mktemp("empty"))})


@pytest.fixture(scope="module")
def full_plan(config, tmp_path_factory):
    """With every file that only users can bring."""
    folder = tmp_path_factory.mktemp("full")
    for run in config["runs"].values():
        if run.get("method") == "external":
            (folder / run["backbone"]["weights"]).parent.mkdir(exist_ok=True)
            (folder / run["backbone"]["weights"]).touch()
    (folder / config["proposals"]["bing"]["model_folder"]).mkdir(parents=True)
    return load_plan(config | {"data_root": str(folder)})


def pairs(entry):
    return {(run, task) for task, runs in entry.items() if task not in ("optional", "proposals") for run in runs}


def test_the_list_has_every_target(plan, listed):
    assert set(listed["tables"]) == set(plan.study.tables)
    assert {name: list(tables) for name, tables in plan.study.targets.items()} == listed["targets"]


def test_each_target_asks_for_what_the_list_says(plan, listed):
    asked = {table: set(plan.results.cells(table)) for table in listed["tables"]}
    assert asked == {table: pairs(entry) for table, entry in listed["tables"].items()}
    measured = {table: [f"{d}/{s}" for d, s in plan.results.proposals(table)] for table in listed["tables"]}
    assert measured == {table: entry.get("proposals", []) for table, entry in listed["tables"].items()}


def test_each_target_asks_for_more_where_the_files_of_its_optional_rows_are(plan, full_plan, listed):
    more = {table: set(full_plan.results.cells(table)) - set(plan.results.cells(table)) for table in listed["tables"]}
    assert more == {table: pairs(entry.get("optional", {})) for table, entry in listed["tables"].items()}


def test_a_name_for_several_tables_asks_for_theirs(plan, listed):
    for target, tables in listed["targets"].items():
        assert plan.results.target(target) == [file for table in tables for file in plan.results.table(table)]


def test_shared_rows_are_planned_once(plan, full_plan, listed):
    together = listed["together"]
    judged = plan.results.judged()
    assert len(judged) == len(set(judged)) == together["results"]
    assert len(plan.results.trained_runs()) == together["trained"]
    assert len(full_plan.results.judged()) == together["results"] + together["optional_results"]
    assert len(full_plan.results.trained_runs()) == together["trained"] + together["optional_trained"]
    times = Counter(cell for table in plan.study.tables for cell in plan.results.cells(table))
    assert times["moco-ohms", "linear-ohms"] == 6
    assert sum(times.values()) > len(judged)


def test_no_optional_row_keeps_another_from_being_planned(plan):
    """A file that is not there and is not optional is one run's: the supervised ImageNet weights, in five tables."""
    files = {file for file in plan.needs.missing() if file.endswith(".pth") or "bing" in file}
    assert {file.rpartition("/")[2] for file in files} == {"resnet50-imagenet-supervised.pth"}


def test_every_number_of_the_paper_is_beside_a_row(plan, listed):
    tables = plan.study.tables.values()
    shown = {table.published_at(row, column) for table in tables for row in table.rows for column in table.columns}
    paper = read_paper_values()
    assert len(paper) > 150
    assert {place for place in paper.places if place not in shown} == set(map(tuple, listed["unused"]))


def test_a_row_shows_numbers_of_its_own_kind(plan):
    """A difference beside a difference of the paper, a value beside a value."""
    wrong = []
    for name, table in plan.study.tables.items():
        for row in table.rows:
            for column in table.columns:
                place = table.published_at(row, column)
                is_gain = place is not None and place[2].startswith("delta_")
                if (
                    place is not None
                    and place in read_paper_values().places
                    and is_gain != (row.difference is not None)
                ):
                    wrong.append((name, row.label, place))
    assert wrong == []
