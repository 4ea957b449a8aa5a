"""Settings of result tables: rows of runs, columns of task metrics, the paper's values beside them."""

from pydantic import Field

from objectcrop.study.settings.section import Name, Section


class Column(Section):
    """One metric of one task, or of proposals."""

    task: Name | None = Field(
        default=None,
        description="Task of this study; null for a column that is only quoted, or measured of proposals.",
    )
    metric: str = Field(
        description="Key of the metric in the task's result, for example map, AP, AP50; without a task, in the summary of the "
        "row's proposals, for example mean_area_share."
    )
    label: str = Field(description="Heading.")
    paper_metric: str | None = Field(
        default=None, description="Metric name in paper_values.csv; null where the paper has none."
    )
    decimals: int = Field(default=1, ge=0, le=6, description="Digits after the point of what was measured.")


class RowProposals(Section):
    """The proposals of a source on a data set, as what a row measures."""

    dataset: Name = Field(description="Data set of this study.")
    source: Name = Field(description="Proposal source of this study.")


class Difference(Section):
    """Rows minus rows of the same table, column by column."""

    of: tuple[str, ...] = Field(min_length=1, description="Labels of rows; of several, their mean.")
    minus: tuple[str, ...] = Field(min_length=1, description="Labels of the rows that are subtracted; their mean.")

    @property
    def labels(self) -> tuple[str, ...]:
        """All rows that the difference is made from."""
        return *self.of, *self.minus


class Row(Section):
    """One run, a difference of other rows, a measured property of proposals, or a line only quoted from the paper."""

    label: str = Field(description="Row heading.")
    run: Name | None = Field(default=None, description="Run of this study; null for a line quoted from the paper only.")
    runs: dict[Name, Name] = Field(
        default={}, description="Runs by the task of the column, for a line of several runs; others are of `run`."
    )
    tasks: dict[Name, Name] = Field(
        default={},
        description="Tasks that judge this row in place of a column's task, by that: a recipe of its own. The metric stays.",
    )
    proposals: RowProposals | None = Field(
        default=None, description="Proposals whose summary is measured, in columns without a task."
    )
    difference: Difference | None = Field(default=None, description="Rows of this table that the row is computed from.")
    optional: bool = Field(
        default=False,
        description="Only quote the row, and say so, while a file that its run needs and no rule makes is not under the data "
        "root: weights of method external, the model of a proposal source.",
    )
    paper_row: str | None = Field(default=None, description="Row name in paper_values.csv.")
    paper_table: str | None = Field(default=None, description="Its table there, if not the one of this table.")
    paper_metric: str | None = Field(default=None, description="Its metric there, if not the column's.")
    note: str = Field(default="", description="A sentence under the table on this row.")

    def judged_by(self, column: Column) -> tuple[Name, Name] | None:
        """Return the run and the task whose result the row has under a column; None if it has none."""
        if column.task is None:
            return None
        run = self.runs.get(column.task, self.run)
        return None if run is None else (run, self.tasks.get(column.task, column.task))

    @property
    def all_runs(self) -> tuple[Name, ...]:
        """Every run of the row, each once."""
        named = [self.run, *self.runs.values()]
        return tuple(dict.fromkeys(run for run in named if run is not None))


class Table(Section):
    """One table of the report."""

    title: str = Field(description="Heading of the table.")
    paper_table: str | None = Field(default=None, description="Table key in paper_values.csv, for example T4.")
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)
    note: str = Field(default="", description="A sentence under the table.")
    class_figure: Name | None = Field(
        default=None,
        description="A linear task of one of the columns: also plot the average precision of each class against the area and the "
        "number of its training objects, with correlations, and show the worst images of the last row (paper, figure 2).",
    )

    def published_at(self, row: Row, column: Column) -> tuple[str, str, str] | None:
        """Return where paper_values.csv has the number of a cell, as (table, row, metric); None if nowhere."""
        table = row.paper_table or self.paper_table
        if table is None or row.paper_row is None or column.paper_metric is None:
            return None
        return table, row.paper_row, column.paper_metric if row.paper_metric is None else row.paper_metric
