"""Tables: hand-computed cells, and results that are rejected."""

import pytest

from objectcrop.report.tables.cells import NOT_AVAILABLE, Measured, build_cells
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.notes import notes
from objectcrop.report.tables.rendering import as_csv, as_json, as_markdown, gains
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
    ((scene,), (objects,)) = build_cells(TABLE, Measured(RESULTS), PAPER)
    assert scene.measured == (30.0, 32.0)
    assert scene.mean == 31.0
    assert scene.deviation == pytest.approx(2**0.5)
    assert scene.over_paper == pytest.approx(31.0 - 49.8)
    assert objects.published.note == "LOD"


def test_runs_of_one_table_that_computed_in_different_precisions_are_named_below_it():
    mixed = [
        result("scene", 0, 30.0, pretraining="bfloat16"),
        result("objects", 0, 40.0),
        result("objects", 1, 41.0, evaluation="bfloat16"),
    ]
    sentences = notes(FilledTable(TABLE, build_cells(TABLE, Measured(mixed), PAPER)))
    assert "Precision of pretraining differs between rows: bfloat16: scene; float32: objects." in sentences
    assert "Precision of evaluation differs between rows: bfloat16: objects; float32: scene, objects." in sentences


def test_a_run_that_was_not_trained_differs_from_no_precision():
    alike = [result("scene", 0, 30.0, pretraining="none"), result("objects", 0, 40.0)]
    assert not [
        text for text in notes(FilledTable(TABLE, build_cells(TABLE, Measured(alike), PAPER))) if "recision" in text
    ]


def test_the_gain_is_computed_against_the_first_measured_row():
    cells = build_cells(TABLE, Measured(RESULTS), PAPER)
    assert gains(FilledTable(TABLE, cells)) == ["objects: +9.5 against scene"]


def test_a_stale_value_is_marked_and_the_reason_stands_below_the_table():
    reason = "results/objects.json was made with other settings"
    cells = build_cells(TABLE, Measured(RESULTS, {("objects", "linear"): reason}), PAPER)
    text = as_markdown(FilledTable(TABLE, cells))
    assert "40.5 ± 0.7 (34.1 to 46.9) (stale)" in text
    assert "31.0 ± 1.4 (18.3 to 43.7) |" in text
    assert f"Stale: {reason}." in text
    assert [[cell["stale"] for cell in row["cells"]] for row in as_json(FilledTable(TABLE, cells))["rows"]] == [
        [""],
        [reason],
    ]


def test_a_row_of_two_runs_shows_under_each_column_the_run_of_its_task_and_the_task_that_stands_in_for_it():
    table = Table.model_validate(
        {
            "title": "Two data sets",
            "columns": [
                {"task": "linear", "metric": "map", "label": "a"},
                {"task": "b", "metric": "map", "label": "b"},
            ],
            "rows": [{"label": "one", "run": "scene", "runs": {"b": "objects"}, "tasks": {"b": "b-slow"}}],
        }
    )
    results = [result("scene", 0, 30.0), result("objects", 0, 41.0) | {"task": "b-slow"}]
    ((first, second),) = build_cells(table, Measured(results), PAPER)
    assert (first.mean, second.mean) == (30.0, 41.0)
    cells = as_json(FilledTable(table, [[first, second]]))["rows"][0]["cells"]
    assert "one: judged by b-slow in place of b." in notes(FilledTable(table, [[first, second]]))
    assert [(cell["run"], cell["task"]) for cell in cells] == [("scene", "linear"), ("objects", "b-slow")]


def test_a_measured_property_of_proposals_is_a_cell_with_its_own_digits():
    table = Table.model_validate(
        {
            "title": "Area",
            "columns": [{"metric": "mean_area_share", "label": "share", "decimals": 2, "paper_metric": "fraction"}],
            "rows": [
                {
                    "label": "LOD",
                    "proposals": {"dataset": "coco", "source": "lod"},
                    "paper_table": "TEXT",
                    "paper_row": "area",
                }
            ],
        }
    )
    paper = PaperValues({("TEXT", "area", "fraction"): PaperValue(0.39, "")})
    measured = Measured(
        proposals={("coco", "lod"): {"mean_area_share": 0.312}}, stale_proposals={("coco", "lod"): "old"}
    )
    cells = build_cells(table, measured, paper)
    assert as_csv(FilledTable(table, cells)).splitlines()[1] == "LOD,0.39,0.31 (stale),-0.08"
    assert not [text for text in notes(FilledTable(table, cells)) if "seed" in text]
    with pytest.raises(ValueError, match="coco/lod: there is no number 'mean_area_share'"):
        build_cells(table, Measured(proposals={("coco", "lod"): {"mean_area_share": None}}), paper)


def test_a_metric_that_the_task_does_not_give_is_named():
    wrong = [r | {"metrics": {"top1": 3.0}} for r in RESULTS]
    with pytest.raises(ValueError, match="no metric 'map'; there are: top1"):
        build_cells(TABLE, Measured(wrong), PAPER)


def test_a_row_that_the_paper_does_not_have_is_named_with_those_it_has():
    table = TABLE.model_copy(update={"rows": (TABLE.rows[0].model_copy(update={"paper_row": "Scenes"}),)})
    with pytest.raises(ValueError, match="has no row 'Scenes'; there are: Scene; Objects"):
        build_cells(table, Measured(RESULTS), PAPER)


def test_a_quoted_row_needs_no_result_and_a_lost_number_says_so():
    table = Table.model_validate(
        {
            "title": "Quoted",
            "paper_table": "APPX",
            "columns": [{"task": "linear", "metric": "map", "label": "mAP", "paper_metric": ""}],
            "rows": [{"label": "lost", "paper_row": "Lost"}],
        }
    )
    cells = build_cells(table, Measured([]), PAPER)
    assert as_csv(FilledTable(table, cells)).splitlines()[1] == f"lost,{NOT_AVAILABLE},quoted,"
    assert as_json(FilledTable(table, cells))["rows"][0]["cells"][0]["mean"] is None


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
                if (place := table.published_at(row, column)) is not None:
                    paper.find(*place)
    assert study.tables
