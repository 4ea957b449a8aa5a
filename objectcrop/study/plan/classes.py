"""The analysis of classes: of tables that ask for it, which results of which runs, on which data set."""

from dataclasses import dataclass

from objectcrop.study.jobs.report import ClassJob
from objectcrop.study.plan import paths
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.study import Study


@dataclass(frozen=True)
class ClassPlan:
    """The tables of one study whose classes are analysed."""

    study: Study

    def tables(self) -> list[str]:
        """Return their names; one without a measured row has nothing to analyse."""
        asked = [name for name, table in self.study.tables.items() if table.class_figure is not None]
        return [name for name in asked if self.judged(name)]

    def judged(self, table: str) -> dict[str, tuple[str, str]]:
        """Return run and task of each row, by its label."""
        spec = ResultPlan(self.study).as_planned(table)
        column = next(column for column in spec.columns if column.task == spec.class_figure)
        cells = ((row.label, row.judged_by(column)) for row in spec.rows)
        return {label: cell for label, cell in cells if cell is not None}

    def results(self, table: str) -> list[str]:
        """Return their results, row by row, every seed."""
        return [
            paths.RESULT.format(run=run, seed=seed, task=task)
            for run, task in self.judged(table).values()
            for seed in self.study.seeds
        ]

    def scores(self, table: str) -> str:
        """Return the scores that worst images are chosen by: those of the last row, first seed."""
        run, task = list(self.judged(table).values())[-1]
        return paths.RESULT_SCORES.format(run=run, seed=self.study.seeds[0], task=task)

    def manifest(self, table: str) -> str:
        """Return the manifest of the data set."""
        return paths.MANIFEST.format(dataset=self._dataset(table))

    def annotations(self, table: str) -> str:
        """Return its annotations."""
        return paths.ANNOTATIONS.format(dataset=self._dataset(table))

    def classes(self, table: str) -> str:
        """Return the names of its classes."""
        return paths.CLASSES.format(dataset=self._dataset(table))

    def job(self, table: str) -> ClassJob:
        """Return the job."""
        judged = self.judged(table)
        return ClassJob(
            table_name=table,
            labels=tuple(judged),
            runs={label: run for label, (run, _) in judged.items()},
            tasks={label: task for label, (_, task) in judged.items()},
            seeds=self.study.seeds,
        )

    def of_table(self, table: str) -> list[str]:
        """Return the files of a table's analysis; none for a table that asks for none."""
        templates = (paths.CLASS_ANALYSIS, paths.CLASS_FIGURES, paths.WORST_IMAGES)
        return [template.format(table=table) for template in templates] if table in self.tables() else []

    def all_of(self, template: str) -> list[str]:
        """Return one file of each analysis."""
        return [template.format(table=table) for table in self.tables()]

    def _dataset(self, table: str) -> str:
        task = self.study.tables[table].class_figure
        assert task is not None
        return self.study.tasks[task].dataset
