"""What a study needs under its data root, and what of it is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from objectcrop.study.loading import StudyError
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.settings.datasets import UnionDataset, expected_locations
from objectcrop.study.settings.home_pages import how_to_get
from objectcrop.study.settings.subsets import SubsetDataset
from objectcrop.study.study import Study, made_from


@dataclass(frozen=True)
class NeedPlan:
    """The data sets, sources and files that one study uses."""

    study: Study

    def data_root(self) -> str:
        """Return the folder of images and raw annotations."""
        return self.study.data

    def datasets(self) -> list[str]:
        """Return the data sets that a table or a measurement needs and all subsets, with those that they are made from."""
        runs, tasks = self.study.runs, self.study.tasks
        # names that are not there are problems of the config, reported elsewhere
        todo = [runs[run].dataset for run in ResultPlan(self.study).runs() if run in runs]
        todo += [tasks[task].dataset for _, task in ResultPlan(self.study).judged() if task in tasks]
        todo += list(self.study.measured_proposals)
        todo += [name for name, dataset in self.study.datasets.items() if isinstance(dataset, SubsetDataset)]
        used: dict[str, None] = {}
        while todo:
            name = todo.pop(0)
            if name not in used and name in self.study.datasets:
                used[name] = None
                todo += self._parts(name)
        return list(used)

    def sources(self) -> list[str]:
        """Return proposal sources that a table or a measurement needs, with those that they are made from."""
        runs = [self.study.runs[run] for run in ResultPlan(self.study).runs() if run in self.study.runs]
        todo = [source for sources in self.study.measured_proposals.values() for source in sources]
        todo += [run.views.proposals for run in runs if run.uses_objects and run.views.proposals is not None]
        used: dict[str, None] = {}
        while todo:
            name = todo.pop(0)
            if name not in used and name in self.study.proposals:
                used[name] = None
                todo += made_from(self.study, name)
        return list(used)

    def missing(self) -> dict[str, str]:
        """Return the files and folders that the tables need and that are not under the data root, each with what to do about it."""
        root = Path(self.study.data)
        used = [self.study.datasets[name] for name in self.datasets()]
        wanted = {location: how_to_get(dataset.source) for dataset in used for location in expected_locations(dataset)}
        wanted |= dict.fromkeys(self._weights(), "put the weights there")
        wanted |= dict.fromkeys(self._locations(self.sources()), "put it there")
        return {
            (root / location).as_posix(): what for location, what in wanted.items() if not (root / location).exists()
        }

    def problems(self) -> list[str]:
        """Return a sentence for each file and folder that is not there."""
        return [f"{path} is not there: {what}, or set data_root" for path, what in self.missing().items()]

    def require(self) -> None:
        """Check that everything under the data root is there.

        Raises:
            StudyError: naming all that is missing.
        """
        if problems := self.problems():
            raise StudyError(problems)

    def _parts(self, dataset: str) -> list[str]:
        match self.study.datasets[dataset]:
            case SubsetDataset(of=base):
                return [base]
            case UnionDataset(parts=parts):
                return list(parts)
        return []

    def _weights(self) -> list[str]:
        runs = ResultPlan(self.study).runs()
        weights = [run.backbone.weights for name, run in self.study.runs.items() if name in runs]
        return [file for file in weights if file is not None]

    def _locations(self, sources: Iterable[str]) -> list[str]:
        trunks = TrunkPlan(self.study)
        return [location for source in sources for location in trunks.locations(source)]
