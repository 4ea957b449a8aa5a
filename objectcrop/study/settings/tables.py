"""Settings of result tables: rows of runs, columns of task metrics, the paper's values beside them."""

from pydantic import Field

from objectcrop.study.settings.section import Name, Section


class Column(Section):
    """One metric of one task."""

    task: Name = Field(description="Task of this study.")
    metric: str = Field(description="Key of the metric in the task's result, for example map, AP, AP50.")
    label: str = Field(description="Heading.")
    paper_metric: str | None = Field(
        default=None, description="Metric name in paper_values.csv; null where the paper has none."
    )


class Row(Section):
    """One run, or a line that is only quoted from the paper."""

    label: str = Field(description="Row heading.")
    run: Name | None = Field(default=None, description="Run of this study; null for a line quoted from the paper only.")
    paper_row: str | None = Field(default=None, description="Row name in paper_values.csv.")


class Table(Section):
    """One table of the report."""

    title: str = Field(description="Heading of the table.")
    paper_table: str | None = Field(default=None, description="Table key in paper_values.csv, for example T4.")
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)
    note: str = Field(default="", description="A sentence under the table.")
