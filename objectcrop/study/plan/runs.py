"""Runs: what pretraining reads, the settings it depends on, and what it asks for."""

from dataclasses import dataclass
from pathlib import Path

from objectcrop.study.jobs.pretraining import PretrainJob
from objectcrop.study.plan import paths
from objectcrop.study.plan.attempts import growing
from objectcrop.study.study import Study


@dataclass(frozen=True)
class RunPlan:
    """The runs of one study."""

    study: Study

    def summary(self, run: str, seed: int | str) -> str:
        """Return the summary of a run."""
        return paths.RUN_SUMMARY.format(run=run, seed=seed)

    def checkpoints(self, run: str, seed: int | str) -> str:
        """Return the folder of a run's state and metrics."""
        return paths.RUN_CHECKPOINTS.format(run=run, seed=seed)

    def manifest(self, run: str) -> list[str]:
        """Return the manifest of a run's data set, if it is trained: others read no image."""
        settings = self.study.runs[run]
        return [paths.MANIFEST.format(dataset=settings.dataset)] if settings.is_trained else []

    def location(self, run: str) -> str | None:
        """Return the file of weights that a run takes or starts from, relative to the data root; None if it does neither."""
        settings = self.study.runs[run]
        if settings.is_trained:
            return settings.backbone.init_from
        return settings.backbone.weights if settings.method == "external" else None

    def location_setting(self, run: str) -> str:
        """Return the path of the setting that names this file."""
        return f"runs.{run}.backbone.{'init_from' if self.study.runs[run].is_trained else 'weights'}"

    def weights(self, run: str) -> list[str]:
        """Return this file if it exists now: an input, so that another file is noticed."""
        location = self.location(run)
        files = [] if location is None else [Path(self.study.data) / location]
        return [file.as_posix() for file in files if file.is_file()]

    def proposals(self, run: str) -> list[str]:
        """Return proposals that a run draws its boxes from, if it does, and their summary."""
        settings = self.study.runs[run]
        source = settings.views.proposals
        if not settings.uses_objects or source is None or not settings.is_trained:
            return []
        files = paths.PROPOSALS, paths.PROPOSALS_SUMMARY
        return [file.format(dataset=settings.dataset, source=source) for file in files]

    def annotations(self, run: str) -> list[str]:
        """Return labels, for a supervised run, and to monitor the neighbours of features."""
        settings = self.study.runs[run]
        is_monitored = settings.is_trained and settings.training.monitor_knn
        uses_labels = settings.method == "supervised" or is_monitored
        return [paths.ANNOTATIONS.format(dataset=settings.dataset)] if uses_labels else []

    def job(self, run: str) -> PretrainJob:
        """Return the job that pretrains a run."""
        return PretrainJob(run_name=run, run=self.study.runs[run], study_seed=self.study.seed)

    def resource(self, run: str, name: str) -> int | str:
        """Return what pretraining a run asks for: `cpus`, `gpus`, `nodes`, `minutes`, or how it computes and keeps its state.

        A run that is not trained needs no GPU and one node.
        """
        settings = self.study.runs[run]
        if not settings.is_trained and name in ("gpus", "nodes"):
            return 0 if name == "gpus" else 1
        value: int | str = getattr(settings.resources, name)
        return value

    def memory_mb(self, run: str, attempt: int) -> int:
        """Return the memory of an attempt to pretrain a run, on each node."""
        return growing(self.study.runs[run].resources.memory_mb, attempt)

    def tasks(self, run: str) -> int | None:
        """Return the launchers that a run on several nodes starts itself, one on each; None of a run on one node."""
        settings = self.study.runs[run]
        return settings.resources.nodes if settings.is_trained and settings.resources.nodes > 1 else None

    def launcher(self, run: str) -> str | None:
        """Return what starts these; None of a run on one node, which the scheduler's plugin starts."""
        return "srun" if self.tasks(run) else None
