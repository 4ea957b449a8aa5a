"""Results: which run is judged by which task, from which files, and the tables that they fill."""

from dataclasses import dataclass
from itertools import product
from typing import Any

from objectcrop.study.jobs.fine_tune import FineTuneJob
from objectcrop.study.jobs.linear import LinearJob
from objectcrop.study.jobs.report import Crops, FiguresJob, TableJob
from objectcrop.study.jobs.segment import SegmentJob
from objectcrop.study.plan import paths
from objectcrop.study.plan.attempts import growing
from objectcrop.study.plan.images import ImagePlan
from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.plan.user_files import UserFilePlan, quoted
from objectcrop.study.settings.tables import Table
from objectcrop.study.settings.tasks import LinearTask, SemanticSegmenterTask
from objectcrop.study.study import Study

WITHOUT_SEARCH: dict[str, Crops] = {
    "random": "random boxes",
    "grid": "boxes without a search",
    "centre": "boxes without a search",
}
"""Kinds of sources whose boxes are placed without regard to the image, and what their crops are called."""


@dataclass(frozen=True)
class ResultPlan:
    """The tasks and tables of one study."""

    study: Study

    def tasks_of(self, *kinds: str) -> list[str]:
        """Return the names of the tasks of some kinds."""
        return [name for name, task in self.study.tasks.items() if task.kind in kinds]

    def manifest(self, task: str) -> str:
        """Return the manifest of a task's data set."""
        return paths.MANIFEST.format(dataset=self.study.tasks[task].dataset)

    def annotations(self, task: str) -> str:
        """Return the annotations of a task's data set."""
        return paths.ANNOTATIONS.format(dataset=self.study.tasks[task].dataset)

    def raw(self, task: str) -> list[str]:
        """Return what a fine-tuning reads: the summary of the drawing, or the raw annotation files that exist now."""
        dataset, images = self.study.tasks[task].dataset, ImagePlan(self.study)
        return images.drawing(dataset) + images.raw_files(dataset)

    def checkpoints(self, run: str, seed: int | str, task: str) -> str:
        """Return the folder of the states of judging a run by a task."""
        return paths.RESULT_CHECKPOINTS.format(run=run, seed=seed, task=task)

    def job(self, run: str, task: str) -> LinearJob | FineTuneJob | SegmentJob:
        """Return the job that judges a run by a task."""
        settings = self.study.tasks[task]
        job = {
            "run_name": run,
            "run": self.study.runs[run],
            "task_name": task,
            "task": settings,
            "study_seed": self.study.seed,
        }
        if isinstance(settings, LinearTask):
            return LinearJob.model_validate(job)
        dataset = {"dataset_name": settings.dataset, "dataset": self.study.datasets[settings.dataset]}
        if isinstance(settings, SemanticSegmenterTask):
            return SegmentJob.model_validate(job | dataset)
        return FineTuneJob.model_validate(job | dataset)

    def resource(self, task: str, name: str) -> int:
        """Return what judging a run by a task asks for: `cpus`, `gpus`, `minutes`, and so on."""
        value: int = getattr(self.study.tasks[task].resources, name)
        return value

    def memory_mb(self, task: str, attempt: int) -> int:
        """Return the memory of an attempt to judge a run by a task."""
        return growing(self.study.tasks[task].resources.memory_mb, attempt)

    def cells(self, table: str) -> list[tuple[str, str]]:
        """Return the (run, task) pairs of a table, each once, in order."""
        spec = self.as_planned(table)
        cells = (row.judged_by(column) for row in spec.rows for column in spec.columns)
        return list(dict.fromkeys(cell for cell in cells if cell is not None))

    def as_planned(self, table: str) -> Table:
        """Return a table whose optional rows are only quoted, with a note, where files of the user are not there."""
        spec, files = self.study.tables[table], UserFilePlan(self.study)
        if not any(row.optional for row in spec.rows):
            return spec
        rows = (quoted(row, files.missing(row)) if row.optional else row for row in spec.rows)
        return spec.model_copy(update={"rows": tuple(rows)})

    def proposals(self, table: str) -> list[tuple[str, str]]:
        """Return the (data set, source) pairs whose proposals a table measures, each once, in order."""
        named = [row.proposals for row in self.study.tables[table].rows if row.proposals is not None]
        return list(dict.fromkeys((proposals.dataset, proposals.source) for proposals in named))

    def summaries_of_proposals(self, table: str) -> list[str]:
        """Return their summaries."""
        return [
            paths.PROPOSALS_SUMMARY.format(dataset=dataset, source=source) for dataset, source in self.proposals(table)
        ]

    def measured_proposals(self) -> list[tuple[str, str]]:
        """Return the (data set, source) pairs that all tables measure, each once, in order."""
        return list(dict.fromkeys(pair for table in self.study.tables for pair in self.proposals(table)))

    def judged(self) -> list[tuple[str, str]]:
        """Return the (run, task) pairs of all tables, each once, in order."""
        return list(dict.fromkeys(cell for table in self.study.tables for cell in self.cells(table)))

    def of_table(self, table: str) -> list[str]:
        """Return the result files that a table is made of."""
        seeds = self.study.seeds
        return [paths.RESULT.format(run=run, seed=seed, task=task) for run, task in self.cells(table) for seed in seeds]

    def scores(self, table: str) -> list[str]:
        """Return the scores that differences of a table's rows are paired by: of linear evaluations by one task.

        None where there are several seeds: then seeds are paired.
        """
        if len(self.study.seeds) > 1:
            return []
        spec = self.as_planned(table)
        rows = {row.label: row for row in spec.rows}
        paired: dict[tuple[str, str], None] = {}
        for row, column in product(spec.rows, spec.columns):
            labels = () if row.difference is None else row.difference.labels
            cells = [cell for label in labels if (cell := rows[label].judged_by(column)) is not None]
            tasks = {task for _, task in cells}
            if len(cells) == len(labels) and len(tasks) == 1 and tasks <= set(self.tasks_of("linear")):
                paired |= dict.fromkeys(cells)
        return [paths.RESULT_SCORES.format(run=run, seed=self.study.seeds[0], task=task) for run, task in paired]

    def summaries(self, table: str) -> list[str]:
        """Return the summaries of the trained runs of a table, for its figures."""
        runs = dict.fromkeys(run for run, _ in self.cells(table) if self.study.runs[run].is_trained)
        return [RunPlan(self.study).summary(run, seed) for run in runs for seed in self.study.seeds]

    def as_shown(self, table: str) -> Table:
        """Return a table as planned, with the study's note in its title."""
        spec = self.as_planned(table)
        return spec.model_copy(update={"title": self.study.titled(spec.title)})

    def crops(self, run: str) -> Crops:
        """Return where the crops of a run come from."""
        settings = self.study.runs[run]
        if settings.method == "random_init":
            return "untrained"
        if settings.method in ("external", "supervised"):
            return settings.method
        if not settings.uses_objects or settings.views.proposals is None:
            return "boxes without a search" if "random_box" in settings.views.regions else "scene"
        return WITHOUT_SEARCH.get(self.study.proposals[settings.views.proposals].kind, "objects")

    def figures_job(self, table: str) -> FiguresJob:
        """Return the job of a table's figures."""
        runs = dict.fromkeys(run for run, _ in self.cells(table))
        crops = {run: self.crops(run) for run in runs}
        job = {"table": self._values(table), "crops": crops, "allow_stale": self.study.allow_stale}
        return FiguresJob.model_validate(job)

    def _values(self, table: str) -> dict[str, Any]:
        return self.as_shown(table).model_dump(mode="json")  # its note too, which the table shows

    def table_job(self, table: str) -> TableJob:
        """Return the job of a table: its rows, whether stale results are shown, and on how many GPUs its parts ran."""
        cells = self.cells(table)
        job = {
            "table_name": table,
            "table": self._values(table),
            "title_note": self.study.title_note,
            "allow_stale": self.study.allow_stale,
            "checks_images": self.study.tracking.images == "check",
            "seeds": self.study.seeds,
            "gpus_of_runs": {run: RunPlan(self.study).resource(run, "gpus") for run, _ in cells},
            "gpus_of_tasks": {task: self.resource(task, "gpus") for _, task in cells},
        }
        return TableJob.model_validate(job)

    def table(self, table: str) -> list[str]:
        """Return what `snakemake TABLE` makes."""
        return [template.format(table=table) for template in (paths.TABLE_MARKDOWN, paths.FIGURES)]

    def tables(self) -> list[str]:
        """Return the tables, as people read them."""
        return [paths.TABLE_MARKDOWN.format(table=table) for table in self.study.tables]

    def target(self, target: str) -> list[str]:
        """Return what `snakemake TARGET` makes, of a name for several tables."""
        return [file for table in self.study.targets[target] for file in self.table(table)]

    def runs(self) -> list[str]:
        """Return the runs that some table names, in order."""
        return list(dict.fromkeys(run for run, _ in self.judged()))

    def trained_runs(self) -> list[str]:
        """Return the runs of some table that are trained."""
        return [run for run in self.runs() if self.study.runs[run].is_trained]
