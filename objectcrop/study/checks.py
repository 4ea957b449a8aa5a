"""What pydantic cannot check: names that one section uses and another defines, and settings that must fit together."""

from collections.abc import Iterator, Mapping

from objectcrop.study.merging import suggestion
from objectcrop.study.settings.backbones import DETECTOR_TRUNKS
from objectcrop.study.settings.datasets import DrawnDataset, FolderDataset, OpenImagesDataset, UnionDataset
from objectcrop.study.settings.proposals import (
    DegreeProposals,
    FeatureProposals,
    LodProposals,
    RandomProposals,
)
from objectcrop.study.settings.section import recorded, settings_hash
from objectcrop.study.settings.subsets import ReleasedOhmsDataset, SubsetDataset
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import DetectorTask, LinearTask, SegmenterTask
from objectcrop.study.study import Study, ancestry

Names = Mapping[str, frozenset[str]]
"""The names that the config defines, section by section."""


def find_broken_references(study: Study, names: Names) -> list[str]:
    """Return every problem of a study whose sections are each valid, in the order of the sections."""
    return [
        *_dataset_problems(study, names),
        *_proposal_problems(study, names),
        *_run_problems(study, names),
        *_task_problems(study, names),
        *_table_problems(study, names),
        *_inspection_problems(study, names),
        *_unlabelled_measurements(study),
    ]


def _unknown(where: str, what: str, name: str, names: frozenset[str]) -> Iterator[str]:
    if name not in names:
        yield f"{where}: there is no {what} {name!r}{suggestion(name, sorted(names))}"


def _dataset_problems(study: Study, names: Names) -> Iterator[str]:
    for name, dataset in study.datasets.items():
        where = f"datasets.{name}"
        if isinstance(dataset, SubsetDataset):
            yield from _unknown(f"{where}.of", "data set", dataset.of, names["datasets"])
            base = study.datasets.get(dataset.of)
            if base is not None and not isinstance(base, OpenImagesDataset | DrawnDataset):
                yield f"{where}.of: {dataset.of!r} is no data set with Open Images boxes (source openimages or drawn)"
            if isinstance(dataset, ReleasedOhmsDataset) and isinstance(base, DrawnDataset):
                yield f"{where}.of: the released lists name images of Open Images, but {dataset.of!r} is drawn"
        if isinstance(dataset, UnionDataset):
            for part in dataset.parts:
                yield from _unknown(f"{where}.parts", "data set", part, names["datasets"])
                if isinstance(study.datasets.get(part), UnionDataset):
                    yield f"{where}.parts: {part!r} is itself a union; list its parts"


def _proposal_problems(study: Study, names: Names) -> Iterator[str]:
    for name, source in study.proposals.items():
        where = f"proposals.{name}"
        if isinstance(source, FeatureProposals) and source.features_run is not None:
            yield from _unknown(f"{where}.features_run", "run", source.features_run, names["runs"])
            if (run := study.runs.get(source.features_run)) and name in ancestry(study, source.features_run):
                yield f"{where}.features_run: run {source.features_run!r} itself needs proposals {run.views.proposals!r}"
        if isinstance(source, RandomProposals):
            yield from _unknown(f"{where}.sizes_of", "proposal source", source.sizes_of, names["proposals"])
            if isinstance(study.proposals.get(source.sizes_of), RandomProposals):
                yield f"{where}.sizes_of: {source.sizes_of!r} is itself random"
        if isinstance(source, DegreeProposals):
            yield from _unknown(f"{where}.of", "proposal source", source.of, names["proposals"])
            if (base := study.proposals.get(source.of)) and not isinstance(base, LodProposals):
                yield f"{where}.of: {source.of!r} is of kind {base.kind}, not lod"


def _run_problems(study: Study, names: Names) -> Iterator[str]:
    by_settings: dict[str, str] = {}
    for name, run in study.runs.items():
        where = f"runs.{name}"
        yield from _unknown(f"{where}.dataset", "data set", run.dataset, names["datasets"])
        if run.views.proposals is not None:
            yield from _unknown(f"{where}.views.proposals", "proposal source", run.views.proposals, names["proposals"])
        same = by_settings.setdefault(settings_hash(recorded(run)), name)
        if same != name:
            yield f"{where}: has the same settings as runs.{same}; use that name in the tables"


def _task_problems(study: Study, names: Names) -> Iterator[str]:
    for name, task in study.tasks.items():
        where = f"tasks.{name}.dataset"
        yield from _unknown(where, "data set", task.dataset, names["datasets"])
        dataset = study.datasets.get(task.dataset)
        if dataset is None or isinstance(dataset, DrawnDataset):
            continue
        if isinstance(task, DetectorTask) and dataset.source != "voc":
            yield f"{where}: a detector needs source voc or drawn, {task.dataset!r} is {dataset.source}"
        if isinstance(task, SegmenterTask) and dataset.source != "coco":
            yield f"{where}: a segmenter needs source coco or drawn, {task.dataset!r} is {dataset.source}"
        if isinstance(task, LinearTask) and dataset.source == "folder":
            yield f"{where}: a linear task needs labels, a data set with source folder has none"


def _table_problems(study: Study, names: Names) -> Iterator[str]:
    for name, table in study.tables.items():
        where = f"tables.{name}"
        if name in names["runs"] or name == "all":
            yield f"{where}: the name is taken by a run or a target"
        for column in table.columns:
            yield from _unknown(f"{where}.columns", "task", column.task, names["tasks"])
        for row in table.rows:
            if row.run is not None:
                yield from _unknown(f"{where}.rows, {row.label!r}", "run", row.run, names["runs"])
            elif row.paper_row is None:
                yield f"{where}.rows, {row.label!r}: needs a run or a paper_row"
        yield from _detector_problems(study, table, where)


def _detector_problems(study: Study, table: Table, where: str) -> Iterator[str]:
    tasks = [study.tasks.get(column.task) for column in table.columns]
    if not any(isinstance(task, DetectorTask | SegmenterTask) for task in tasks):
        return
    for row in table.rows:
        run = study.runs.get(row.run) if row.run is not None else None
        if run is not None and not run.backbone.fits_detectors:
            yield (
                f"{where}.rows, {row.label!r}: detectors are fine-tuned from {' and '.join(DETECTOR_TRUNKS)} in RGB with the "
                f"imagenet stem, run {row.run!r} has {run.backbone.arch} in {run.backbone.color} with the {run.backbone.stem} "
                "one; leave it to linear tasks"
            )


def _inspection_problems(study: Study, names: Names) -> Iterator[str]:
    for dataset, sources in study.measured_proposals.items():
        yield from _unknown(f"measured_proposals.{dataset}", "data set", dataset, names["datasets"])
        for source in sources:
            yield from _unknown(f"measured_proposals.{dataset}", "proposal source", source, names["proposals"])
    if study.inspection is not None and study.inspection.run is not None:
        yield from _unknown("inspection.run", "run", study.inspection.run, names["runs"])


def _unlabelled_measurements(study: Study) -> Iterator[str]:
    for name in study.measured_proposals:
        dataset = study.datasets.get(name)
        parts = [study.datasets.get(part) for part in dataset.parts] if isinstance(dataset, UnionDataset) else [dataset]
        if all(isinstance(part, FolderDataset) for part in parts):
            yield (
                f"measured_proposals.{name}: proposals are measured against annotated boxes, a data set with source folder "
                "has none; remove it, or name a labelled data set"
            )
