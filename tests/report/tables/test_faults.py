"""Faults of the paper's numbers are footnotes: each at the numbers that it concerns, at the heading where it concerns all."""

import pytest

from objectcrop.report.tables.cells import Measured, build_cells
from objectcrop.report.tables.faults import Fault, read_faults
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.notes import notes
from objectcrop.report.tables.printed import flat_headings, lines
from objectcrop.report.tables.rendering import as_csv, as_json
from objectcrop.study.paper import PaperValue, PaperValues, read_paper_values
from objectcrop.study.settings.tables import Table

PAPER = PaperValues(
    {("T", row, metric): PaperValue(value, "") for value, row in ((50, "a"), (60, "b")) for metric in ("map", "top1")}
)
FAULTS = [
    Fault(3, "per batch", (("T", "*", "map"),)),
    Fault(7, "a copy", (("T", "b", "*"),), is_usable=False),
    Fault(9, "elsewhere", (("U", "*", "*"), ("T", "c", "*"))),
]
TABLE = Table.model_validate(
    {
        "title": "Two",
        "paper_table": "T",
        "columns": [
            {"task": "linear", "metric": name, "label": name, "paper_metric": name} for name in ("map", "top1")
        ],
        "rows": [
            {"label": "a", "run": "a", "paper_row": "a"},
            {"label": "b", "run": "b", "paper_row": "b"},
            {"label": "ours", "run": "b"},
        ],
    }
)
PRECISION = {"pretraining": "float32", "evaluation": "float32"}
RESULTS = [
    {"run": run, "seed": 0, "task": "linear", "metrics": {"map": 51.0, "top1": 49.0}, "precision": PRECISION}
    for run in ("a", "b")
]


@pytest.fixture
def cells():
    return build_cells(TABLE, Measured(RESULTS), PAPER, FAULTS)


@pytest.fixture
def filled(cells):
    return FilledTable(TABLE, cells)


def test_a_fault_of_a_whole_column_is_at_its_heading_and_one_of_a_row_at_its_numbers(filled):
    heads = ["map, paper [a]", "map, measured", "map, difference"]
    assert flat_headings(filled) == ["", *heads, "top1, paper", "top1, measured", "top1, difference"]
    first, _, last = lines(filled)
    assert first == ["a", "50", "51.0", "+1.0", "50", "49.0", "-1.0"]
    assert last == ["ours", "", "51.0", "", "", "49.0", ""]


def test_the_only_number_of_a_column_has_its_mark_itself():
    table = TABLE.model_copy(update={"rows": TABLE.rows[1:]})
    alone = FilledTable(table, build_cells(table, Measured(RESULTS), PAPER, FAULTS))
    assert flat_headings(alone)[1] == "map, paper"
    assert lines(alone)[0] == ["b", "60 [a, b]", "51.0", "", "60 [b]", "49.0", ""]


def test_no_difference_is_printed_to_a_number_that_is_no_target(filled, cells):
    assert lines(filled)[1] == ["b", "60 [b]", "51.0", "", "60 [b]", "49.0", ""]
    assert cells[1][0].over_paper is None
    assert cells[0][0].over_paper == 1.0


def test_the_footnotes_stand_under_the_table_in_the_order_of_their_letters(filled):
    assert [text for text in notes(filled) if text.startswith("[")] == [
        "[a] per batch",
        "[b] a copy",
    ]
    written = as_json(filled)
    assert [[cell["faults"] for cell in row["cells"]] for row in written["rows"]] == [
        [[3], []],
        [[3, 7], [7]],
        [[], []],
    ]


def test_csv_has_numbers_without_marks(filled):
    assert as_csv(filled).splitlines()[:3] == [
        ',"map, paper","map, measured","map, difference","top1, paper","top1, measured","top1, difference"',
        "a,50,51.0,+1.0,50,49.0,-1.0",
        "b,60,51.0,,60,49.0,",
    ]


def test_every_fault_concerns_numbers_of_the_paper():
    paper = read_paper_values()
    for fault in read_faults():
        for place in fault.places:
            alone = fault._replace(places=(place,))
            assert [number for number in paper.places if alone.concerns(*number)], (fault.number, place)


def test_every_fault_that_concerns_printed_numbers_is_there():
    assert {2, 3, 4, *range(22, 32)} <= {fault.number for fault in read_faults()}
    assert [fault.number for fault in read_faults() if not fault.is_usable] == [28]


def test_a_damaged_list_is_named(tmp_path):
    path = tmp_path / "faults.toml"
    path.write_text('[[faults]]\nnumber = 1\nat = [["T1", "a", "b"]]\n')
    with pytest.raises(ValueError, match=r"faults\.toml: expected number, text, and at with table, row and metric"):
        read_faults(path)
    path.write_text('[[faults]]\nnumber = 1\ntext = "x"\nat = [["T1", "a"]]\n')
    with pytest.raises(ValueError, match="expected number"):
        read_faults(path)
    path.write_text('[[faults]]\nnumber = 1\ntext = "x"\nat = []\n' * 2)
    with pytest.raises(ValueError, match="fault 1 appears twice"):
        read_faults(path)
