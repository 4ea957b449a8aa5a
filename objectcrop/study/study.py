"""A whole study: its sections, and which proposals its runs need."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from objectcrop.study.settings.costs import CostSettings
from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.inspection import InspectionSettings
from objectcrop.study.settings.proposals import (
    DegreeProposals,
    FeatureProposals,
    ProposalSource,
    RandomProposals,
)
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import Name, Section
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import Task


class Paths(Section):
    """Where big files are."""

    data: str = Field(
        default="data",
        description="Data root: images and raw annotations, absolute or relative to the working folder.",
    )


class Tracking(Section):
    """What counts as a change."""

    pretrain: Literal["recipe", "content"] = Field(
        default="recipe",
        description="'recipe': RECIPE of objectcrop/ssl/training/recipe.py, guarded by a golden test; 'content': the code.",
    )
    images: Literal["check", "trust"] = Field(
        default="check",
        description="'check': each call of snakemake, each table and the report look whether images or annotations changed since "
        "they were indexed (size and time of each file, about a second for 100,000 on a local disk); 'trust': they do not.",
    )


class Study(Section):
    """Everything a study is made of; `runs` are resolved."""

    name: Name = Field(description="Short name.")
    title: str = Field(default="", description="Heading of the report.")
    title_note: str = Field(
        default="",
        description="Words added to the headings of the report and of every table, as how far a budget is cut.",
    )
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
    targets: dict[Name, tuple[Name, ...]] = Field(
        default={}, description="Names for several tables at once; `snakemake NAME` makes them."
    )
    measured_proposals: dict[Name, tuple[Name, ...]] = Field(
        default={}, description="Proposal sources to measure and show in the report, by data set."
    )
    measured_subsets: tuple[Name, ...] = Field(
        default=(),
        description="Subsets to make, measure and show in the report, beside those that tables and measured proposals use.",
    )
    costs: CostSettings = Field(
        default=CostSettings(), description="What planned runs are reckoned by: `snakemake planned_cost`."
    )
    inspection: InspectionSettings | None = Field(
        default=None, description="What the FiftyOne data sets show; null makes none."
    )
    tracking: Tracking = Tracking()
    allow_stale: bool = Field(
        default=False,
        description="Show results that were made with other settings, data or code than now in tables and report, marked as "
        "stale; false: they are rejected by name.",
    )

    def titled(self, title: str) -> str:
        """Return a heading with the study's note."""
        return f"{title} ({self.title_note})" if self.title_note else title

    @property
    def data(self) -> str:
        """The data root in force."""
        return self.data_root or self.paths.data


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
