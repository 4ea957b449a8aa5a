"""What the page shows, read from the files of other rules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.identity.provenance import provenance
from objectcrop.report.image_words import describe_images
from objectcrop.report.meaning import meaning
from objectcrop.report.page import Content, differences
from objectcrop.report.subset_comparison import compare_with_paper
from objectcrop.report.subset_words import describe_objects
from objectcrop.runtime.atomic import read_json
from objectcrop.study.jobs.report import ReportJob

SHEETS = {
    "contact_sheet": "",
    "best": ", images whose best proposal meets an object best",
    "worst": ", images whose best proposal meets objects worst",
}


class ReportFiles(NamedTuple):
    """The files that the page is made of.

    Attributes:
        tables: tables (JSON).
        curves: loss curves, TABLE.svg.
        class_analyses: analyses of classes, TABLE.json.
        class_figures: the same drawn, TABLE.svg.
        worst_images: images that are recognised worst, TABLE.png.
        predictions: drawn predictions of fine-tuned detectors, RUN/sSEED/TASK.png.
        summaries: summaries of the runs.
        subsets: summaries of subsets.
        subset_statistics: what their objects are like, DATASET/statistics.json.
        subset_figures: the same drawn, DATASET/figures.svg.
        proposals: summaries of proposals, DATASET/SOURCE.json.
        qualities: their quality, DATASET/SOURCE.quality.json.
        sheets: contact sheets, DATASET/SOURCE/SHEET.png.
        views: drawn views, RUN.png.
        unreadable: counts of images and which cannot be read, DATASET/unreadable.json.
    """

    tables: Sequence[Path] = ()
    curves: Sequence[Path] = ()
    class_analyses: Sequence[Path] = ()
    class_figures: Sequence[Path] = ()
    worst_images: Sequence[Path] = ()
    predictions: Sequence[Path] = ()
    summaries: Sequence[Path] = ()
    subsets: Sequence[Path] = ()
    subset_statistics: Sequence[Path] = ()
    subset_figures: Sequence[Path] = ()
    proposals: Sequence[Path] = ()
    qualities: Sequence[Path] = ()
    sheets: Sequence[Path] = ()
    views: Sequence[Path] = ()
    unreadable: Sequence[Path] = ()


def read_content(job: ReportJob, files: ReportFiles, stale: Sequence[str] = ()) -> Content:
    """Return what the page shows; what a figure, a sheet or proposals are of is read from their paths.

    Args:
        job: what the study is.
        files: what the page is made of.
        stale: sentences on files that are not what the study would make now.
    """
    summaries, tables, subsets = _read_all(files.summaries), _read_all(files.tables), _read_all(files.subsets)
    statistics = _read_all(files.subset_statistics)
    bases = job.subset_base_sources
    return Content(
        study=job.study.model_dump(mode="json"),
        runs=differences(job.runs),
        meaning=meaning(summaries, len(job.study.seeds), job.has_random_boxes),
        tables={table["name"]: table for table in tables},
        curves={path.stem: path.read_text(encoding="utf-8") for path in files.curves},
        classes={path.stem: read_json(path) for path in files.class_analyses},
        class_figures={path.stem: path.read_text(encoding="utf-8") for path in files.class_figures},
        worst_images={path.stem: path.read_bytes() for path in files.worst_images},
        predictions={f"{path.parents[1].name}, {path.stem}": path.read_bytes() for path in files.predictions},
        summaries=summaries,
        subsets=subsets,
        comparisons={subset["dataset"]: compare_with_paper(subset, bases[subset["dataset"]]) for subset in subsets},
        subset_figures={path.parent.name: path.read_text(encoding="utf-8") for path in files.subset_figures},
        subset_words={measured["dataset"]: describe_objects(measured) for measured in statistics},
        proposals={f"{path.parent.name}, {path.stem}": read_json(path) for path in files.proposals},
        qualities={f"{p.parent.name}, {p.name.removesuffix('.quality.json')}": read_json(p) for p in files.qualities},
        sheets={_sheet_name(path): path.read_bytes() for path in files.sheets},
        views={path.stem: path.read_bytes() for path in files.views},
        images=[describe_images(path.parent.name, read_json(path)) for path in files.unreadable],
        provenance=provenance(),
        stale=stale,
    )


def _read_all(paths: Sequence[Path]) -> list[Any]:
    return [read_json(path) for path in paths]


def _sheet_name(path: Path) -> str:
    return f"{path.parents[1].name}, {path.parent.name}{SHEETS[path.stem]}"
