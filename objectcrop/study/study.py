"""A whole study: read from the merged config, resolved, and checked as one; every problem is named at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from objectcrop.study.merging import resolve, suggestion
from objectcrop.study.settings.datasets import (
    Dataset,
    DrawnDataset,
    OpenImagesDataset,
    ReleasedOhmsDataset,
    SubsetDataset,
    UnionDataset,
)
from objectcrop.study.settings.inspection import InspectionSettings
from objectcrop.study.settings.proposals import (
    DegreeProposals,
    FeatureProposals,
    LodProposals,
    ProposalSource,
    RandomProposals,
)
from objectcrop.study.settings.runs import DETECTOR_TRUNKS, Run
from objectcrop.study.settings.section import Name, Section, recorded, settings_hash
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import DetectorTask, LinearTask, SegmenterTask, Task

SECTIONS = ("datasets", "proposals", "runs", "tasks", "tables")
Names = Mapping[str, frozenset[str]]
"""The names that the config defines, section by section."""


class StudyError(ValueError):
    """A config that cannot be run; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        super().__init__(f"the study has {len(set(problems))} problem(s):\n{lines}")


class Paths(Section):
    """Where big files lie."""

    data: str = Field(
        default="data",
        description="Data root: pictures and raw annotations, absolute or relative to the working folder.",
    )


class Tracking(Section):
    """What counts as a change of a training stage's code."""

    pretrain: Literal["recipe", "content"] = Field(
        default="recipe",
        description="'recipe': RECIPE of objectcrop/ssl/training/recipe.py, guarded by a golden test; 'content': the code.",
    )


class Study(Section):
    """Everything a study is made of; `runs` are resolved."""

    name: Name = Field(description="Short name.")
    title: str = Field(default="", description="Heading of the report.")
    about: str = Field(default="", description="What the study is for, in plain words; shown in the report.")
    seed: int = Field(default=0, ge=0, description="Study seed, part of every random generator.")
    seeds: tuple[int, ...] = Field(
        default=(0,), min_length=1, description="Seeds that every run of a table is repeated with."
    )
    data_root: str | None = Field(
        default=None, description="Data root from the command line (--config data_root=DIR); wins over paths.data."
    )
    paths: Paths = Paths()
    datasets: dict[Name, Dataset] = Field(default={}, description="Data sets by name.")
    proposals: dict[Name, ProposalSource] = Field(default={}, description="Proposal sources by name.")
    runs: dict[Name, Run] = Field(
        default={}, description="Runs by name; `inherit` names a run whose settings are taken over."
    )
    tasks: dict[Name, Task] = Field(default={}, description="Tasks by name.")
    tables: dict[Name, Table] = Field(default={}, description="Tables by name; `snakemake NAME` makes one.")
    measured_proposals: dict[Name, tuple[Name, ...]] = Field(
        default={}, description="Proposal sources to measure and show in the report, by data set."
    )
    inspection: InspectionSettings | None = Field(
        default=None, description="What the FiftyOne data sets show; null makes none."
    )
    tracking: Tracking = Tracking()

    @property
    def data(self) -> str:
        """The data root in force."""
        return self.data_root or self.paths.data


def load_study(config: Mapping[str, Any]) -> Study:
    """The study of a merged config.

    Raises:
        StudyError: listing every misspelt key, wrong value and broken reference.
    """
    study, problems = examine(config)
    if problems or study is None:
        raise StudyError(problems)
    return study


def examine(config: Mapping[str, Any]) -> tuple[Study | None, list[str]]:
    """The study as far as it can be read, and every problem of the config."""
    raw = {key: value for key, value in config.items() if value is not None}
    names = {section: frozenset(raw.get(section) or ()) for section in SECTIONS}
    resolved, problems = _resolved_runs(raw.get("runs") or {})
    study, faults = _validated(raw | {"runs": resolved})
    problems += faults
    if study is not None:
        problems += _broken_references(study, names)
    return study, problems


def _resolved_runs(raw_runs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    resolved: dict[str, Any] = {}
    problems = []
    runs = {name: raw for name, raw in raw_runs.items() if isinstance(raw, Mapping)}
    problems += [f"runs.{name}: expected settings, got {raw_runs[name]!r}" for name in raw_runs if name not in runs]
    for name in runs:
        try:
            resolved[name] = resolve(runs, name)
        except ValueError as error:
            problems.append(str(error))
    return resolved, problems


def _validated(raw: dict[str, Any]) -> tuple[Study | None, list[str]]:
    """The study, and what is wrong with it; wrong entries are left out so that the others can still be checked."""
    try:
        return Study.model_validate(raw), []
    except ValidationError as error:
        problems = list(_explain(error))
        faulty = {detail["loc"][:2] for detail in error.errors() if detail["loc"]}
    sound = {
        key: {name: entry for name, entry in value.items() if (key, name) not in faulty} if key in SECTIONS else value
        for key, value in raw.items()
        if not isinstance(value, Mapping) or key in SECTIONS
    }
    try:
        return Study.model_validate({key: value for key, value in sound.items() if (key,) not in faulty}), problems
    except ValidationError:
        return None, problems


def result_settings(study: Study, run: str, task: str) -> dict[str, Any]:
    """What a result depends on: the recorded settings of its run and task."""
    return {"run": recorded(study.runs[run]), "task": recorded(study.tasks[task])}


def result_hash(study: Study, run: str, task: str) -> str:
    """The hash that a result of today's config must carry."""
    return settings_hash(result_settings(study, run, task))


def _explain(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        where = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            yield f"{where}: there is no such setting (misspelt, or in the wrong section?)"
        elif detail["type"] == "missing":
            yield f"{where}: is missing"
        else:
            shown = repr(detail.get("input"))
            got = f", got {shown}" if len(shown) < 80 and detail["type"] != "value_error" else ""
            yield f"{where}: {detail['msg'].removeprefix('Value error, ')}{got}"


def _broken_references(study: Study, names: Names) -> list[str]:
    return [
        *_dataset_problems(study, names),
        *_proposal_problems(study, names),
        *_run_problems(study, names),
        *_task_problems(study, names),
        *_table_problems(study, names),
        *_inspection_problems(study, names),
    ]


def _unknown(where: str, what: str, name: str, known: frozenset[str]) -> Iterator[str]:
    if name not in known:
        yield f"{where}: there is no {what} {name!r}{suggestion(name, sorted(known))}"


def _dataset_problems(study: Study, names: Names) -> Iterator[str]:
    for name, dataset in study.datasets.items():
        where = f"datasets.{name}"
        if isinstance(dataset, SubsetDataset):
            yield from _unknown(f"{where}.of", "data set", dataset.of, names["datasets"])
            base = study.datasets.get(dataset.of)
            if base is not None and not isinstance(base, OpenImagesDataset | DrawnDataset):
                yield f"{where}.of: {dataset.of!r} is no data set with Open Images boxes (source openimages or drawn)"
            if isinstance(dataset, ReleasedOhmsDataset) and isinstance(base, DrawnDataset):
                yield f"{where}.of: the released lists name pictures of Open Images, but {dataset.of!r} is drawn"
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


def made_from(study: Study, source: str) -> Iterator[str]:
    """The proposal sources that a source needs, directly or for the run that it takes features from."""
    found = study.proposals.get(source)
    if isinstance(found, RandomProposals):
        yield found.sizes_of
    elif isinstance(found, DegreeProposals):
        yield found.of
    elif isinstance(found, FeatureProposals) and found.features_run in study.runs:
        needed = study.runs[found.features_run].views.proposals
        if needed is not None:
            yield needed


def ancestry(study: Study, run: str) -> set[str]:
    """The proposal sources that a run needs, directly or through the runs that those take features from."""
    found: set[str] = set()
    todo = [study.runs[run].views.proposals] if run in study.runs else []
    while todo:
        name = todo.pop()
        if name is not None and name not in found:
            found.add(name)
            todo += list(made_from(study, name))
    return found


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
