"""What a study, or some of its jobs, need under the data root, and what of it is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from objectcrop.study.loading import StudyError
from objectcrop.study.plan.planned import PlannedJob, values_of
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.settings.datasets import PreparedDataset, UnionDataset, expected_locations
from objectcrop.study.settings.home_pages import how_to_get
from objectcrop.study.settings.proposals import FeatureProposals
from objectcrop.study.settings.subsets import SubsetDataset
from objectcrop.study.study import Study, made_from

READ_FOR_RUN = ("pretrain", "draw_views")
"""Rules that read the images of a run; those that judge it read its backbone, and the data of their task."""
READ_WEIGHTS = ("pretrain",)
"""Rules that read the file of weights that a run takes or starts from."""
READ_FOR_SOURCE = ("extract_features", "search_boxes", "make_proposals")
"""Rules that read what a proposal source is made from."""


class Readers(NamedTuple):
    """The parts of a study that read under the data root, by name; of runs, those that read weights."""

    datasets: list[str]
    sources: list[str]
    runs: list[str]

    @classmethod
    def among(cls, study: Study, jobs: Sequence[PlannedJob]) -> Self:
        """Return those that jobs read for; a job names them by its wildcards."""
        shown = values_of([job for job in jobs if job.rule in READ_FOR_RUN], "run")
        runs = values_of([job for job in jobs if job.rule in READ_WEIGHTS], "run")
        trained = [study.runs[run].dataset for run in shown if study.runs[run].is_trained]
        judged = [study.tasks[task].dataset for task in values_of(jobs, "task")]
        datasets = [*values_of(jobs, "dataset"), *judged, *(name for name in trained if name is not None)]
        return cls(datasets, values_of([job for job in jobs if job.rule in READ_FOR_SOURCE], "source"), runs)


@dataclass(frozen=True)
class NeedPlan:
    """The data sets, sources and files that one study uses."""

    study: Study

    def data_root(self) -> str:
        """Return the folder of images and raw annotations."""
        return self.study.data

    def datasets(self) -> list[str]:
        """Return the data sets that a table or a measurement needs, with those that they are made from."""
        runs, tasks = self.study.runs, self.study.tasks
        # names that are not there are problems of the config, reported elsewhere
        todo = [runs[run].dataset for run in self.runs() if runs[run].is_trained]
        todo += [tasks[task].dataset for _, task in ResultPlan(self.study).judged() if task in tasks]
        todo += [dataset for dataset, _ in ResultPlan(self.study).measured_proposals()]
        todo += [*self.study.measured_proposals, *self.study.measured_subsets]
        return self._with_parts(name for name in todo if name is not None)

    def sources(self) -> list[str]:
        """Return proposal sources that a table or a measurement needs, with those that they are made from."""
        runs = [self.study.runs[run] for run in self._judged_runs()]
        todo = [source for sources in self.study.measured_proposals.values() for source in sources]
        todo += [source for _, source in ResultPlan(self.study).measured_proposals()]
        todo += [run.views.proposals for run in runs if run.uses_objects and run.views.proposals is not None]
        used: dict[str, None] = {}
        while todo:
            name = todo.pop(0)
            if name not in used and name in self.study.proposals:
                used[name] = None
                todo += made_from(self.study, name)
        return list(used)

    def runs(self) -> list[str]:
        """Return the runs of the tables, and those whose features give proposals."""
        sources = [self.study.proposals[source] for source in self.sources()]
        named = [source.features_run for source in sources if isinstance(source, FeatureProposals)]
        used = dict.fromkeys([*self._judged_runs(), *(run for run in named if run in self.study.runs)])
        return [run for run in used if run is not None]

    def missing(self) -> dict[str, str]:
        """Return the files and folders that the study needs and that are not under the data root, each with what to do about it."""
        return self._missing(Readers(self.datasets(), self.sources(), self.runs()))

    def problems(self) -> list[str]:
        """Return a sentence for each file and folder of the study that is not there."""
        return _sentences(self.missing())

    def require(self, jobs: Sequence[PlannedJob]) -> None:
        """Check that everything under the data root is there that some jobs read.

        Raises:
            StudyError: naming all that is missing.
        """
        readers = Readers.among(self.study, jobs)
        if problems := _sentences(self._missing(readers._replace(datasets=self._with_parts(readers.datasets)))):
            raise StudyError(problems)

    def _missing(self, readers: Readers) -> dict[str, str]:
        root, trunks, runs = Path(self.study.data), TrunkPlan(self.study), RunPlan(self.study)
        used = [self.study.datasets[name] for name in readers.datasets]
        wanted = {location: how_to_get(dataset.source) for dataset in used for location in expected_locations(dataset)}
        named = [(runs.location(run), runs.location_setting(run)) for run in readers.runs]
        wanted |= {file: f"put the weights of {setting} there" for file, setting in named if file is not None}
        locations = (location for source in readers.sources for location in trunks.locations(source))
        wanted |= dict.fromkeys(locations, "put it there")
        return {
            (root / location).as_posix(): what for location, what in wanted.items() if not (root / location).exists()
        }

    def _with_parts(self, names: Iterable[str]) -> list[str]:
        todo, used = list(names), dict[str, None]()
        while todo:
            name = todo.pop(0)
            if name not in used and name in self.study.datasets:
                used[name] = None
                todo += self._parts(name)
        return list(used)

    def _parts(self, dataset: str) -> list[str]:
        match self.study.datasets[dataset]:
            case SubsetDataset(of=base) | PreparedDataset(of=base):
                return [base]
            case UnionDataset(parts=parts):
                return list(parts)
        return []

    def _judged_runs(self) -> list[str]:
        return [run for run in ResultPlan(self.study).runs() if run in self.study.runs]


def _sentences(missing: Mapping[str, str]) -> list[str]:
    return [f"{path} is not there: {what}, or set data_root" for path, what in missing.items()]
