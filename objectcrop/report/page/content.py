"""What the page of a study shows, read from the files of other rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.identity.provenance import provenance
from objectcrop.report.figures.folder import ShownFigure, read_figures
from objectcrop.report.figures.rows import ROWS
from objectcrop.report.image_words import describe_images
from objectcrop.report.page.answer import Answer, answer_of
from objectcrop.report.page.making import Making, read_making
from objectcrop.report.page.meaning import meaning
from objectcrop.report.page.shown_tables import ShownTable, shown_table
from objectcrop.report.page.views import ViewGroup, group_views
from objectcrop.report.subset_comparison import Comparison, compare_with_paper
from objectcrop.report.subset_words import describe_objects
from objectcrop.runtime.atomic import read_json
from objectcrop.study.jobs.report import ReportJob

SHEETS = {
    "contact_sheet": "Random images",
    "best": "Images whose best proposal meets an object best",
    "worst": "Images whose best proposal meets objects worst",
}


class Sheet(NamedTuple):
    """A contact sheet: the data set and source, which images, and the PNG's bytes."""

    source: str
    chosen: str
    png: bytes


class ReportFiles(NamedTuple):
    """The files that the page is made of.

    Attributes:
        tables: tables (JSON).
        figures: folders of their figures, TABLE.
        class_analyses: analyses of classes, TABLE.json.
        class_figures: folders of their figures, TABLE.
        worst_images: images that are recognised worst, TABLE.png.
        predictions: drawn predictions of fine-tuned detectors, RUN/sSEED/TASK.png.
        summaries: summaries of the runs.
        subsets: summaries of subsets.
        subset_statistics: what their objects are like, DATASET/statistics.json.
        subset_figures: folders of their figures, DATASET/figures.
        proposals: summaries of proposals, DATASET/SOURCE.json.
        qualities: their quality, DATASET/SOURCE.quality.json.
        sheets: contact sheets, DATASET/SOURCE/SHEET.png.
        views: drawn views, RUN.png.
        unreadable: counts of images and which cannot be read, DATASET/unreadable.json.
    """

    tables: Sequence[Path] = ()
    figures: Sequence[Path] = ()
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


@dataclass(frozen=True)
class Content:
    """What the page shows. Figures and sheets are file contents; everything else is what the rules' JSON files hold.

    Attributes:
        study: name, title, about, seeds.
        answer: what the first screen reports.
        tables: as they are shown.
        making: how each of their numbers was made.
        meaning: sentences on what the study can show.
        provenance: versions and commit of the code that writes the page.
        rows: the figure of each table's rows.
        training: figures of what its runs learned, by table; of tables that have runs which no table above has.
        runs: settings of each run that differ from the first one's, by name.
        summaries: of the runs.
        classes: analyses of classes, by table; each has figures and worst images.
        class_figures: of these.
        worst_images: PNG bytes of these.
        predictions: PNG bytes of what fine-tuned detectors found, by "run, task".
        subsets: summaries of subsets; each needs a comparison, and may have figures.
        comparisons: of these with the paper, by data set.
        subset_figures: by data set.
        subset_words: sentences on these, by data set.
        proposals: summaries of proposals, by "data set, source".
        qualities: how well they find objects, by the same names.
        sheets: of proposals.
        views: drawn views, by way of cropping.
        images: sentences on the image index, one a data set.
        stale: sentences on files that are not what the study would make now.
    """

    study: Mapping[str, Any]
    answer: Answer
    tables: Sequence[ShownTable]
    making: Making
    meaning: Sequence[str]
    provenance: Mapping[str, Any]
    rows: Mapping[str, ShownFigure] = field(default_factory=dict)
    training: Mapping[str, Sequence[ShownFigure]] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    summaries: Sequence[Mapping[str, Any]] = ()
    classes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    class_figures: Mapping[str, Sequence[ShownFigure]] = field(default_factory=dict)
    worst_images: Mapping[str, bytes] = field(default_factory=dict)
    predictions: Mapping[str, bytes] = field(default_factory=dict)
    subsets: Sequence[Mapping[str, Any]] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    subset_figures: Mapping[str, Sequence[ShownFigure]] = field(default_factory=dict)
    subset_words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    proposals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    qualities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sheets: Sequence[Sheet] = ()
    views: Sequence[ViewGroup] = ()
    images: Sequence[str] = ()
    stale: Sequence[str] = ()


def read_content(job: ReportJob, files: ReportFiles, stale: Sequence[str] = ()) -> Content:
    """Return what the page shows; what a figure, a sheet or proposals are of is read from their paths.

    How numbers were made is read from the records of results in the working folder.

    Args:
        job: what the study is.
        files: what the page is made of.
        stale: sentences on files that are not what the study would make now.
    """
    summaries, subsets = _read_all(files.summaries), _read_all(files.subsets)
    tables = {table["name"]: table for table in _read_all(files.tables)}
    figures, bases = {path.name: read_figures(path) for path in files.figures}, job.subset_base_sources
    return Content(
        study=job.study.model_dump(mode="json"),
        answer=answer_of(job, tables),
        tables=[shown_table(job, name, table) for name, table in tables.items()],
        making=read_making({name: job.tables[name] for name in tables}, job.study.seeds),
        meaning=meaning(summaries, len(job.study.seeds), "random boxes" in job.crops.values()),
        provenance=provenance(),
        rows={name: figure for name, shown in figures.items() for figure in shown if figure.name == ROWS},
        training=dict(_training(figures, tables)),
        runs={
            run: job.runs[run]
            for run in dict.fromkeys([*(one["run"] for one in summaries), *job.runs])
            if run in job.runs
        },
        summaries=summaries,
        classes={path.stem: read_json(path) for path in files.class_analyses},
        class_figures={path.name: read_figures(path) for path in files.class_figures},
        worst_images={path.stem: path.read_bytes() for path in files.worst_images},
        predictions={f"{path.parents[1].name}, {path.stem}": path.read_bytes() for path in files.predictions},
        subsets=subsets,
        comparisons={subset["dataset"]: compare_with_paper(subset, bases[subset["dataset"]]) for subset in subsets},
        subset_figures={path.parent.name: read_figures(path) for path in files.subset_figures},
        subset_words={found["dataset"]: describe_objects(found) for found in _read_all(files.subset_statistics)},
        proposals={f"{path.parent.name}, {path.stem}": read_json(path) for path in files.proposals},
        qualities={f"{p.parent.name}, {p.name.removesuffix('.quality.json')}": read_json(p) for p in files.qualities},
        sheets=[_sheet(path) for path in files.sheets],
        views=group_views({path.stem: path.read_bytes() for path in files.views}, summaries),
        images=[describe_images(path.parent.name, read_json(path)) for path in files.unreadable],
        stale=stale,
    )


def _training(
    figures: Mapping[str, Sequence[ShownFigure]], tables: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, list[ShownFigure]]]:
    shown: set[str] = set()
    for name, of_table in figures.items():
        runs = {cell["run"] for row in tables[name]["rows"] for cell in row["cells"] if cell["run"] is not None}
        curves = [figure for figure in of_table if figure.name != ROWS]
        if curves and not runs <= shown:
            shown |= runs
            yield name, curves


def _read_all(paths: Sequence[Path]) -> list[Any]:
    return [read_json(path) for path in paths]


def _sheet(path: Path) -> Sheet:
    return Sheet(f"{path.parents[1].name}, {path.parent.name}", SHEETS[path.stem], path.read_bytes())
