"""Tables: hand-computed cells, and results that are rejected."""

import pytest

from objectcrop.report.cells import NOT_AVAILABLE, build_cells
from objectcrop.report.rendering import as_csv, as_json, as_markdown, gains, notes
from objectcrop.study.paper import PaperValue, PaperValues, read_paper_values
from objectcrop.study.settings.tables import Table

PAPER = PaperValues(
    {
        ("T4", "Scene", "OHMS_mAP"): PaperValue(49.8, ""),
        ("T4", "Objects", "OHMS_mAP"): PaperValue(59.1, "LOD"),
        ("APPX", "Lost", ""): PaperValue(None, "NOT FOUND"),
    }
)
TABLE = Table.model_validate(
    {
        "title": "Crops",
        "paper_table": "T4",
        "columns": [{"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "OHMS_mAP"}],
        "rows": [
            {"label": "scene", "run": "scene", "paper_row": "Scene"},
            {"label": "objects", "run": "objects", "paper_row": "Objects"},
        ],
    }
)


def result(run, seed, value, pretraining="float32", evaluation="float32"):
    precision = {"pretraining": pretraining, "evaluation": evaluation}
    fields = {"run": run, "seed": seed, "task": "linear", "metrics": {"map": value}}
    return fields | {"precision": precision}


RESULTS = [
    result("scene", 1, 32.0),
    result("scene", 0, 30.0),
    result("objects", 0, 40.0),
    result("objects", 1, 41.0),
]


def test_a_cell_has_the_mean_and_the_sample_deviation_over_seeds():
    ((scene,), (objects,)) = build_cells(TABLE, RESULTS, PAPER)
    assert scene.measured == (30.0, 32.0)
    assert scene.mean == 31.0
    assert scene.deviation == pytest.approx(2**0.5)
    assert scene.difference == pytest.approx(31.0 - 49.8)
    assert objects.note == "LOD"


def test_runs_of_one_table_that_computed_in_different_precisions_are_named_below_it():
    mixed = [
        result("scene", 0, 30.0, pretraining="bfloat16"),
        result("objects", 0, 40.0),
        result("objects", 1, 41.0, evaluation="bfloat16"),
    ]
    sentences = notes(TABLE, build_cells(TABLE, mixed, PAPER))
    assert "Precision of pretraining differs between rows: bfloat16: scene; float32: objects." in sentences
    assert "Precision of evaluation differs between rows: bfloat16: objects; float32: scene, objects." in sentences


def test_a_run_that_was_not_trained_differs_from_no_precision():
    alike = [result("scene", 0, 30.0, pretraining="none"), result("objects", 0, 40.0)]
    assert not [text for text in notes(TABLE, build_cells(TABLE, alike, PAPER)) if "recision" in text]


def test_the_gain_is_computed_against_the_first_measured_row():
    cells = build_cells(TABLE, RESULTS, PAPER)
    assert gains(TABLE, cells) == ["objects: +9.5 against scene"]


def test_a_stale_value_is_marked_and_the_reason_stands_below_the_table():
    reason = "results/objects.json was made with other settings"
    cells = build_cells(TABLE, RESULTS, PAPER, {("objects", "linear"): reason})
    text = as_markdown(TABLE, cells)
    assert "40.5 ± 0.7 (stale)" in text
    assert "31.0 ± 1.4 |" in text
    assert f"Stale: {reason}." in text
    assert [[cell["stale"] for cell in row["cells"]] for row in as_json(TABLE, cells)["rows"]] == [[""], [reason]]


def test_a_metric_that_the_task_does_not_give_is_named():
    wrong = [r | {"metrics": {"top1": 3.0}} for r in RESULTS]
    with pytest.raises(ValueError, match="no metric 'map'; there are: top1"):
        build_cells(TABLE, wrong, PAPER)


def test_a_row_that_the_paper_does_not_have_is_named_with_those_it_has():
    table = TABLE.model_copy(update={"rows": (TABLE.rows[0].model_copy(update={"paper_row": "Scenes"}),)})
    with pytest.raises(ValueError, match="has no row 'Scenes'; there are: Scene; Objects"):
        build_cells(table, RESULTS, PAPER)


def test_a_quoted_row_needs_no_result_and_a_lost_number_says_so():
    table = Table.model_validate(
        {
            "title": "Quoted",
            "paper_table": "APPX",
            "columns": [{"task": "linear", "metric": "map", "label": "mAP", "paper_metric": ""}],
            "rows": [{"label": "lost", "paper_row": "Lost"}],
        }
    )
    cells = build_cells(table, [], PAPER)
    assert as_csv(table, cells).splitlines()[1] == f"lost,quoted,{NOT_AVAILABLE},"
    assert as_json(table, cells)["rows"][0]["cells"][0]["mean"] is None


def test_the_numbers_of_the_paper_are_read_with_their_notes():
    paper = read_paper_values()
    assert len(paper) > 150
    published = paper.find("T4", "MoCo-v2 LOD obj-obj+dilate", "OHMS_mAP")
    assert published == PaperValue(59.1, "")
    with pytest.raises(ValueError, match="table T4 has no metric 'OHMS_map'; there are: OHMS_mAP"):
        paper.find("T4", "MoCo-v2 scene-scene", "OHMS_map")
    assert paper.find("T5", "Self-EMD (BYOL)", "COCO_mask_AP") is None
    with pytest.raises(ValueError, match="no table 'T99'"):
        paper.find("T99", "x", "y")


def test_a_damaged_table_of_numbers_is_refused(tmp_path):
    path = tmp_path / "values.csv"
    path.write_text("table,row,metric,value,note\nT1,a,AP,fifty,\n")
    with pytest.raises(ValueError, match="line 2: 'fifty' is no number"):
        read_paper_values(path)
    path.write_text("table,row,metric,value,note\nT1,a,AP,1,\nT1,a,AP,2,\n")
    with pytest.raises(ValueError, match=r"line 3: .* appears twice"):
        read_paper_values(path)


@pytest.mark.parametrize("preset", ["paper", "ohms", "coco"])
def test_every_paper_row_of_the_presets_is_in_the_paper(root, preset):
    import yaml

    from objectcrop.study.loading import load_study

    paper = read_paper_values()
    study = load_study(yaml.safe_load((root / f"presets/{preset}.yaml").read_text()))
    for table in study.tables.values():
        for row in table.rows:
            for column in table.columns:
                if row.paper_row is not None and column.paper_metric is not None and table.paper_table is not None:
                    paper.find(table.paper_table, row.paper_row, column.paper_metric)
    assert study.tables
