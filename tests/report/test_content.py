"""What the page shows is named by the paths that it is read from."""

import json

from objectcrop.report.content import ReportFiles, read_content
from objectcrop.report.page import render_page
from objectcrop.study.jobs.report import ReportJob, StudyWords

STUDY = StudyWords(name="small", title="Small", about="About", seeds=(0,))
JOB = ReportJob(
    study=STUDY, allow_stale=False, checks_images=False, runs={}, has_random_boxes=True, subset_base_sources={}
)


def written(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def test_files_are_named_by_data_set_source_table_and_run(tmp_path):
    index = {"num_readable": 3, "modes": {}, "orientations": {}, "unreadable": [], "mismatched": []}
    sheets = [written(tmp_path / f"d/lod/{name}.png", name.encode()) for name in ("contact_sheet", "best", "worst")]
    files = ReportFiles(
        tables=[written(tmp_path / "t.json", {"name": "table4"})],
        curves=[written(tmp_path / "table4.svg", b"<svg/>")],
        subset_figures=[written(tmp_path / "ohms/figures.svg", b"<svg/>")],
        proposals=[written(tmp_path / "d/lod.json", {"num_boxes": 1})],
        qualities=[written(tmp_path / "d/lod.quality.json", {"corloc": 0.5})],
        sheets=sheets,
        views=[written(tmp_path / "oac.png", b"png")],
        unreadable=[written(tmp_path / "d/unreadable.json", index)],
    )
    content = read_content(JOB, files)
    assert content.tables == {"table4": {"name": "table4"}}
    assert content.curves == {"table4": "<svg/>"}
    assert content.subset_figures == {"ohms": "<svg/>"}
    assert content.proposals == {"d, lod": {"num_boxes": 1}}
    assert content.qualities == {"d, lod": {"corloc": 0.5}}
    assert {name.partition(", images")[0] for name in content.sheets} == {"d, lod"}
    assert list(content.sheets.values()) == [b"contact_sheet", b"best", b"worst"]
    assert content.views == {"oac": b"png"}
    assert content.images == ["d: 3 images; none unreadable."]


def test_a_page_of_no_files_can_be_rendered():
    assert "Nothing was trained" in render_page(read_content(JOB, ReportFiles()))
