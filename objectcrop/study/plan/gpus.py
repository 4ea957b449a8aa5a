"""GPUs that jobs ask for, beside those that there are: on one machine this is known before the first job."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from objectcrop.study.loading import StudyError
from objectcrop.study.plan.planned import PlannedJob, values_of
from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.settings.proposals import FeatureProposals
from objectcrop.study.study import Study


@dataclass(frozen=True)
class GpuPlan:
    """The GPUs of one study."""

    study: Study

    def require(self, jobs: Sequence[PlannedJob], count: Callable[[], int | None], limit: int | None) -> None:
        """Check that no job asks for more GPUs than there are.

        Args:
            jobs: that are to run on this machine.
            count: the GPUs of this machine, None where nobody knows; called only if a job asks for one.
            limit: what Snakemake may use of them (`--resources gpu=N`); None sets none.

        Raises:
            StudyError: naming each setting that asks for too many.
        """
        asked = dict(self.asked(jobs))
        if not any(asked.values()):
            return
        problems = [*_too_many(asked, count(), "this machine has"), *_too_many(asked, limit, "--resources allows")]
        if problems:
            raise StudyError(problems)

    def asked(self, jobs: Sequence[PlannedJob]) -> Iterator[tuple[str, int]]:
        """Yield each setting by which these jobs ask for GPUs, and how many."""
        trained, runs, trunks = (
            [job for job in jobs if job.rule == "pretrain"],
            RunPlan(self.study),
            TrunkPlan(self.study),
        )
        for run in values_of(trained, "run"):
            yield f"runs.{run}.resources.gpus", int(runs.resource(run, "gpus"))
        for task in values_of(jobs, "task"):
            yield f"tasks.{task}.resources.gpus", self.study.tasks[task].resources.gpus
        for name in dict.fromkeys(trunks.owner(source) for source in values_of(jobs, "source")):
            source = self.study.proposals[name]
            yield f"proposals.{name}.gpus", source.gpus if isinstance(source, FeatureProposals) else 0


def _too_many(asked: dict[str, int], available: int | None, what: str) -> Iterator[str]:
    if available is None:
        return
    for setting, number in asked.items():
        if number > available:
            yield (
                f"{setting}: {number} GPU(s) are asked for, {what} {available}; set it to {available}, or run where there are "
                "more (docs/cluster.md)"
            )
