"""What the page shows is named by the paths that it is read from."""

import json
from typing import get_args

import numpy as np
import pytest

from objectcrop.report.figures.curves import curve_figures
from objectcrop.report.figures.folder import Figure, new_figure, write_figures
from objectcrop.report.page.content import ReportFiles, read_content
from objectcrop.report.page.render import render_page
from objectcrop.report.page.views import REGIONS, group_views
from objectcrop.study.settings.views import Region
from tests.report.page.small_report import TABLE, report_job, summary

JOB = report_job(seeds=(0,))


def written(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def table(name, *runs):
    cell = {"measured": [], "mean": None, "is_difference": False, "paper": None, "faults": [], "difference": None}
    rows = [{"label": run, "gpu_hours": None, "cells": [cell | {"run": run}]} for run in runs]
    return {"name": name, "title": name, "paper_table": None, "rows": rows, "notes": []}


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A working folder without results."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_named_by_data_set_source_table_and_run(empty):
    index = {"num_readable": 3, "modes": {}, "orientations": {}, "unreadable": [], "mismatched": []}
    sheets = [written(empty / f"d/lod/{name}.png", name.encode()) for name in ("contact_sheet", "best", "worst")]
    write_figures(empty / "ohms/figures", curve_figures([summary("scene", 0)]))
    files = ReportFiles(
        subset_figures=[empty / "ohms/figures"],
        proposals=[written(empty / "d/lod.json", {"num_boxes": 1})],
        qualities=[written(empty / "d/lod.quality.json", {"corloc": 0.5})],
        sheets=sheets,
        views=[written(empty / "oac.png", b"png")],
        unreadable=[written(empty / "d/unreadable.json", index)],
    )
    content = read_content(JOB, files)
    assert [figure.name for figure in content.subset_figures["ohms"]][:1] == ["loss-contrastive"]
    assert content.proposals == {"d, lod": {"num_boxes": 1}}
    assert content.qualities == {"d, lod": {"corloc": 0.5}}
    assert [(sheet.source, sheet.png) for sheet in content.sheets] == [
        ("d, lod", name) for name in (b"contact_sheet", b"best", b"worst")
    ]
    assert [sheet.chosen.split()[0] for sheet in content.sheets] == ["Random", "Images", "Images"]
    assert content.views[0].runs == ("oac",)
    assert content.images == ["d: 3 images; none unreadable."]


def test_curves_of_runs_that_a_table_above_has_shown_are_not_shown_again(empty):
    columns = [{"task": "linear", "metric": "map", "label": "mAP"}]
    names = {"one": ("scene", "objects"), "two": ("objects",), "three": ("boxes", "scene")}
    spec = {
        name: TABLE | {"columns": columns, "rows": [{"label": run, "run": run} for run in runs]}
        for name, runs in names.items()
    }
    for name in names:
        write_figures(empty / f"figures/{name}", [Figure("loss", "Does it fall?", "", "Alt.", new_figure(1)[0])])
    files = ReportFiles(
        tables=[written(empty / f"{name}.json", table(name, *runs)) for name, runs in names.items()],
        figures=[empty / f"figures/{name}" for name in names],
    )
    content = read_content(report_job(seeds=(0,), tables=spec), files)
    assert list(content.training) == ["one", "three"]


def test_runs_stand_in_the_order_of_the_study(empty):
    files = [written(empty / f"{n}.json", summary(run, 0)) for n, run in enumerate(("supervised", "boxes", "objects"))]
    content = read_content(JOB, ReportFiles(summaries=files))
    assert list(content.runs) == ["supervised", "boxes", "objects", "random-init", "scene"]


@pytest.mark.parametrize(("crops", "is_missed"), [("random boxes", False), ("boxes without a search", True)])
def test_only_boxes_of_the_same_sizes_stand_for_the_control_of_scale(empty, crops, is_missed):
    file = written(empty / "summary.json", json.dumps(summary("scene", 0)).encode())
    content = read_content(
        JOB.model_copy(update={"crops": {"scene": "scene", "other": crops}}), ReportFiles(summaries=[file])
    )
    assert ("No run draws its views from random boxes" in " ".join(content.meaning)) == is_missed


def test_every_region_that_can_be_set_has_words():
    assert set(REGIONS) == set(get_args(Region))


def test_runs_that_crop_alike_share_a_sheet():
    views = {"regions": ["object", "dilated_object"], "proposals": "lod", "dilation_fraction": 0.1}
    settings = {"a": views, "b": views | {"dilation_fraction": 0.2}, "c": dict(reversed(views.items()))}
    summaries = [{"run": run, "settings": {"views": of}} for run, of in settings.items()]
    groups = group_views({"a": b"1", "b": b"2", "c": b"3", "d": b"4"}, summaries)
    assert [(group.runs, group.png) for group in groups] == [(("a", "c"), b"1"), (("b",), b"2"), (("d",), b"4")]
    assert groups[0].cropped == "An object and an object, dilated; boxes: lod"


def test_a_page_of_no_files_can_be_rendered(empty):
    page = render_page(read_content(JOB, ReportFiles()))
    assert "Nothing was trained" in page
    assert "No table has two measured rows" in page


def test_every_part_has_a_figure_of_its_own_name(empty):
    figures = curve_figures([summary("scene", 0)])
    assert len({figure.name for figure in figures}) == len(figures) == 3
    assert np.all([figure.alt and figure.question.endswith("?") for figure in figures])
