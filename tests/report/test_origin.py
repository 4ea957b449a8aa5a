"""The results behind a row or cell of a table: those of a difference are those of its rows."""

import pytest

from objectcrop.identity.record import Record, input_of, write_record
from objectcrop.report.origin import results_of_cell

TABLE = {
    "title": "Gain",
    "columns": [{"task": "linear", "metric": "map", "label": "mAP"}, {"task": "voc", "metric": "AP", "label": "AP"}],
    "rows": [
        {"label": "scene", "run": "scene"},
        {"label": "objects", "run": "objects", "runs": {"voc": "longer"}, "tasks": {"linear": "slow"}},
        {"label": "gain", "difference": {"of": ["objects"], "minus": ["scene"]}},
        {"label": "quoted", "paper_row": "x"},
    ],
}


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table with its record, from results of two runs and more."""
    monkeypatch.chdir(tmp_path)
    names = ["scene/s0/linear", "scene/s0/voc", "objects/s0/slow", "longer/s0/voc", "other/s0/linear"]
    files = [tmp_path / f"results/eval/{name}.json" for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    path = tmp_path / "results/tables/gain.json"
    path.parent.mkdir()
    path.write_text("{}")
    settings = {"table": TABLE, "seeds": [0]}
    inputs = {"results": [input_of(file.relative_to(tmp_path)) for file in files]}
    write_record(Record("results/tables/gain.json", input_of(path), "render_table", settings, {}, "", inputs, {}))
    return "results/tables/gain.json"


def names(files):
    return [file.removeprefix("results/eval/").removesuffix(".json") for file in files]


def test_a_row_of_two_runs_has_those_of_its_columns(table):
    assert names(results_of_cell(table, "objects", None)) == ["objects/s0/slow", "longer/s0/voc"]
    assert names(results_of_cell(table, "objects", "AP")) == ["longer/s0/voc"]


def test_a_difference_has_those_of_its_rows(table):
    assert names(results_of_cell(table, "gain", "mAP")) == ["scene/s0/linear", "objects/s0/slow"]


def test_a_quoted_row_and_one_that_is_not_there_are_said_to_be_so(table):
    with pytest.raises(ValueError, match="row 'quoted' is quoted from the paper: nothing was measured"):
        results_of_cell(table, "quoted", None)
    with pytest.raises(ValueError, match=r"has no row 'lost' or no column None; rows .*'gain'"):
        results_of_cell(table, "lost", None)
