"""Files that only the user can bring, and rows of tables that do without."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.settings.proposals import FeatureProposals
from objectcrop.study.settings.tables import Row
from objectcrop.study.study import Study, ancestry


@dataclass(frozen=True)
class UserFilePlan:
    """The files of one study that no rule makes, beside its data sets: weights, and models of proposal sources."""

    study: Study

    def missing(self, row: Row) -> list[str]:
        """Return the files and folders that the runs of a row need and that are not under the data root."""
        runs, trunks = RunPlan(self.study), TrunkPlan(self.study)
        named = [run for run in row.all_runs if run in self.study.runs]
        used = sorted({source for run in named for source in ancestry(self.study, run)})
        sources = [source for source in used if source in self.study.proposals]
        settings = [self.study.proposals[source] for source in sources]
        features = [source.features_run for source in settings if isinstance(source, FeatureProposals)]
        named += [run for run in features if run in self.study.runs]
        locations = [runs.location(run) for run in named]
        locations += [location for source in sources for location in trunks.locations(source)]
        return _not_there(Path(self.study.data), (location for location in locations if location is not None))


def quoted(row: Row, missing: Sequence[str]) -> Row:
    """Return a row as it is, or if files are missing without its runs, and with a note that says so."""
    if not missing:
        return row
    verb = "is" if len(missing) == 1 else "are"
    reason = f"Not measured: {' and '.join(missing)} {verb} not under the data root."
    return row.model_copy(update={"run": None, "runs": {}, "note": " ".join(filter(None, [row.note, reason]))})


def _not_there(root: Path, locations: Iterable[str]) -> list[str]:
    return [location for location in dict.fromkeys(locations) if not (root / location).exists()]
