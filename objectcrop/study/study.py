"""A whole study: its sections, and what its results depend on."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.inspection import InspectionSettings
from objectcrop.study.settings.proposals import (
    DegreeProposals,
    FeatureProposals,
    ProposalSource,
    RandomProposals,
)
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import Name, Section, recorded, settings_hash
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import Task


class Paths(Section):
    """Where big files are."""

    data: str = Field(
        default="data",
        description="Data root: images and raw annotations, absolute or relative to the working folder.",
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
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
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
    measured_subsets: tuple[Name, ...] = Field(
        default=(),
        description="Subsets to make, measure and show in the report, beside those that tables and measured proposals use.",
    )
    inspection: InspectionSettings | None = Field(
        default=None, description="What the FiftyOne data sets show; null makes none."
    )
    tracking: Tracking = Tracking()

    @property
    def data(self) -> str:
        """The data root in force."""
        return self.data_root or self.paths.data


def result_settings(study: Study, run: str, task: str) -> dict[str, Any]:
    """Return what a result depends on: the recorded settings of its run and task."""
    return {"run": recorded(study.runs[run]), "task": recorded(study.tasks[task])}


def result_hash(study: Study, run: str, task: str) -> str:
    """Return the hash that a result of today's config must carry."""
    return settings_hash(result_settings(study, run, task))


def made_from(study: Study, source: str) -> Iterator[str]:
    """Yield the proposal sources that a source needs, directly or for the run that it takes features from."""
    settings = study.proposals.get(source)
    if isinstance(settings, RandomProposals):
        yield settings.sizes_of
    elif isinstance(settings, DegreeProposals):
        yield settings.of
    elif isinstance(settings, FeatureProposals) and settings.features_run in study.runs:
        needed = study.runs[settings.features_run].views.proposals
        if needed is not None:
            yield needed


def ancestry(study: Study, run: str) -> set[str]:
    """Return the proposal sources that a run needs, directly or through the runs that those take features from."""
    sources: set[str] = set()
    todo = [study.runs[run].views.proposals] if run in study.runs else []
    while todo:
        name = todo.pop()
        if name is not None and name not in sources:
            sources.add(name)
            todo += list(made_from(study, name))
    return sources
