"""What a study costs in GPU-hours: from rates measured here, or from assumed ones."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from objectcrop.study.checks.splits import most_training_images
from objectcrop.study.jobs.costs import Basis, Hours, PlannedCostJob, RowHours, TableHours
from objectcrop.study.plan import paths
from objectcrop.study.plan.needs import NeedPlan
from objectcrop.study.plan.operations import DILATED, FORWARD_GFLOP, WITH_BACKWARD, forward_gflop, training_gflop
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.section import Split
from objectcrop.study.settings.tasks import DetectorTask, LinearTask, SegmenterTask, SemanticSegmenterTask
from objectcrop.study.study import Study

SECONDS = 3600
USUAL_SIDE_PX = fmean((640, 672, 704, 736, 768, 800))
"""Short side of the images that the assumed rates of detectors are for."""


@dataclass(frozen=True)
class CostPlan:
    """The cost of one study."""

    study: Study

    @property
    def results(self) -> ResultPlan:
        """The tables, and who is judged by what."""
        return ResultPlan(self.study)

    def of_run(self, run: str) -> Hours:
        """Return the GPU-hours of pretraining a run once; of a run on the CPU nothing."""
        settings = self.study.runs[run]
        if not settings.is_trained or settings.resources.gpus == 0:
            return Hours()
        summaries = self._read_each(paths.RUN_SUMMARY, run=run)
        if summaries:
            return _measured(fmean(summary["cost"]["seconds"] for summary in summaries), settings.resources.gpus)
        images = self._training_images(settings.dataset)
        if images is None:
            return Hours(basis="unknown")
        samples = images * settings.optimizer.epochs
        if (rate := self._rate_until_now(run)) is not None:
            return _measured(samples / rate, settings.resources.gpus)
        gflop = training_gflop(settings)
        return _assumed(None if gflop is None else samples * gflop / self._gflop_per_s)

    def of_result(self, run: str, task: str) -> Hours:
        """Return the GPU-hours of judging a run by a task once."""
        settings, gpus = self.study.tasks[task], self.study.tasks[task].resources.gpus
        if gpus == 0:
            return Hours()
        results = self._read_each(paths.RESULT, run=run, task=task)
        if results:
            return _measured(fmean(result["cost"]["seconds"] for result in results), gpus)
        if isinstance(settings, LinearTask):
            return _assumed(self._linear_seconds(run, settings))
        if isinstance(settings, SemanticSegmenterTask):
            return _assumed(self._segmentation_seconds(run, settings))
        return _assumed(self._fine_tuning_seconds(run, settings))

    def of_table(self, table: str) -> TableHours:
        """Return the GPU-hours of a table and of its rows, every seed."""
        spec, results = self.results.as_planned(table), self.results
        rows = []
        for row in spec.rows:
            cells = dict.fromkeys(cell for column in spec.columns if (cell := row.judged_by(column)) is not None)
            rows.append(RowHours(label=row.label, hours=self._together(row.all_runs, list(cells))))
        needed = NeedPlan(self.study.model_copy(update={"tables": {table: spec}, "measured_proposals": {}})).runs()
        together = self._together(needed, results.cells(table))
        return TableHours(name=table, title=self.study.titled(spec.title), rows=tuple(rows), together=together)

    def job(self) -> PlannedCostJob:
        """Return the job that prints the cost of all tables.

        It depends on what was measured until now, which changes while the study runs: the file is no part of the lineage, which
        is to be the same before and after.
        """
        gpu = self.study.costs.gpu
        return PlannedCostJob(
            title=self.study.titled(self.study.title or self.study.name),
            gpu=gpu.name,
            source=gpu.source,
            tables=tuple(self.of_table(table) for table in self.study.tables),
            together=self._together(NeedPlan(self.study).runs(), self.results.judged()),
        )

    @property
    def _gflop_per_s(self) -> float:
        return 1000 * self.study.costs.gpu.teraflops

    def _together(self, runs: Iterable[str], cells: Iterable[tuple[str, str]]) -> Hours:
        seeds = len(self.study.seeds)
        parts = [*(self.of_run(run) for run in runs), *(self.of_result(*cell) for cell in cells)]
        return Hours(hours=seeds * sum(part.hours for part in parts), basis=_joint([part.basis for part in parts]))

    def _read_each(self, template: str, **names: str) -> list[Any]:
        """Return what is in those of the files of all seeds that exist now."""
        files = [Path(template.format(seed=seed, **names)) for seed in self.study.seeds]
        return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()]

    def _rate_until_now(self, run: str) -> float | None:
        """Return the images a second of a run that is under way, by its latest whole line of metrics."""
        for seed in self.study.seeds:
            metrics = Path(paths.RUN_METRICS.format(run=run, seed=seed))
            text = metrics.read_text(encoding="utf-8") if metrics.is_file() else ""
            if lines := text.rpartition("\n")[0].splitlines():
                last = json.loads(lines[-1])
                return float(last["images_seen"]) / float(last["seconds"])
        return None

    def _training_images(self, dataset: str | None) -> int | None:
        return None if dataset is None else self._images(dataset, "train") or most_training_images(self.study, dataset)

    def _images(self, dataset: str, split: Split) -> int | None:
        known = self.study.costs.images.get(dataset, {}).get(split)
        settings = self.study.datasets[dataset]
        if known is None and isinstance(settings, DrawnDataset):
            return {"train": settings.num_train, "validation": settings.num_validation, "test": settings.num_test}[
                split
            ]
        return known

    def _linear_seconds(self, run: str, task: LinearTask) -> float | None:
        once = forward_gflop(self.study.runs[run].backbone, task.size_px)
        train, test = self._training_images(task.dataset), self._images(task.dataset, "test")
        if once is None or train is None:
            return None
        passes = 1 if task.probe == "knn" else task.cached_views or task.epochs
        return (train * passes + (test or 0)) * once / self._gflop_per_s

    def _segmentation_seconds(self, run: str, task: SemanticSegmenterTask) -> float | None:
        once = forward_gflop(self.study.runs[run].backbone, task.size_px)
        if once is None:
            return None
        trained, tested = task.max_iterations * task.images_per_batch, self._images(task.dataset, "test") or 0
        return (trained * WITH_BACKWARD + tested) * once * DILATED / self._gflop_per_s

    def _fine_tuning_seconds(self, run: str, task: DetectorTask | SegmenterTask) -> float | None:
        gpu, schedule = self.study.costs.gpu, task.schedule
        usual = gpu.detector_images_per_s if isinstance(task, DetectorTask) else gpu.segmenter_images_per_s
        backbone = self.study.runs[run].backbone
        trunk = (FORWARD_GFLOP.get(backbone.arch, 0.0) * backbone.width**2) / FORWARD_GFLOP["resnet50"]
        if not trunk:
            return None
        test = schedule.max_test_images or self._images(task.dataset, "test") or 0
        trained = schedule.max_iterations * schedule.images_per_batch * _relative_area(schedule.train_short_sides_px)
        tested = test * _relative_area([schedule.test_short_side_px]) / 3  # without the backward pass
        return (trained + tested) * trunk / usual


def _relative_area(short_sides_px: Sequence[int]) -> float:
    return fmean((side / USUAL_SIDE_PX) ** 2 for side in short_sides_px)


def _assumed(seconds: float | None) -> Hours:
    """Return assumed seconds of one GPU as hours."""
    return Hours(basis="unknown") if seconds is None else Hours(hours=seconds / SECONDS, basis="assumed")


def _measured(seconds: float, gpus: int) -> Hours:
    return Hours(hours=seconds * gpus / SECONDS, basis="measured")


def _joint(parts: Sequence[Basis]) -> Basis:
    bases = set(parts) - {"nothing"}
    if not bases:
        return "nothing"
    if len(bases) == 1:
        return next(iter(bases))
    return "unknown" if "unknown" in bases else "partly assumed"
