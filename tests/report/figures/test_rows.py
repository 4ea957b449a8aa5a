"""The figure of a table's rows: which are in it, where, and in which colours."""

import pytest

from objectcrop.report.figures.folder import as_svg
from objectcrop.report.figures.rows import COLOURS, row_figure
from objectcrop.study.jobs.report import FiguresJob
from tests.report.page.small_report import CROPS, LABELS, TABLE
from tests.report.tables.test_contrasts import cell

JOB = FiguresJob.model_validate({"table": TABLE, "crops": CROPS, "allow_stale": False})


def table(**values):
    rows = [
        {
            "label": LABELS[run],
            "cells": [cell(run, *seeds, interval=[seeds[0] - 1, seeds[0] + 1] if seeds else None)] * 2,
        }
        for run, seeds in values.items()
    ]
    gain = {"label": "Gain", "cells": [cell(None, 1.0, is_difference=True)] * 2}
    return {"rows": [*rows, gain]}


@pytest.fixture
def figure():
    return row_figure(JOB, table(supervised=(60.0, 61.0), scene=(30.0, 31.0), objects=(35.0, 35.5), boxes=()))


def test_measured_rows_are_in_it_with_their_means_and_differences_and_quoted_rows_are_not(figure):
    drawn = as_svg(figure.drawn)
    for words in (LABELS["supervised"], LABELS["scene"], "60.5", "30.5", "35.2"):
        assert words in drawn
    assert "Gain" not in drawn
    assert LABELS["boxes"] not in drawn
    assert figure.alt.startswith("mAP: Supervised, labels of the training images 60.5; MoCo-v2 scene-scene 30.5; ")


def test_colours_say_where_crops_come_from(figure):
    drawn = as_svg(figure.drawn)
    for crops in ("supervised", "scene", "objects"):
        assert f"stroke: {COLOURS[crops]}" in drawn
    assert f"stroke: {COLOURS['random boxes']}" not in drawn


def test_the_caption_names_the_control_and_the_seeds(figure):
    assert figure.caption == (
        f"Dots: mean; lines: 95% interval over the test images; rings: 2 seeds; grey strokes: {LABELS['scene']}."
    )


def test_a_table_with_one_measured_row_has_no_figure():
    assert row_figure(JOB, table(scene=(30.0,), objects=())) is None
