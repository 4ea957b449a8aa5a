"""Rows that were run at a reduced budget: the study says so, or a run saw fewer images than the paper's."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.report.tables.places import Places, include, places_of
from objectcrop.study.jobs.report import TableJob
from objectcrop.study.settings.tables import Row

MARK = "†"
LENGTHS_FILE = Path(__file__).with_name("paper_lengths.toml")
FULL_SHARE = 0.9
"""From this share of the paper's images on, a run is of full length: what is left of an epoch after its last batch, and images that
are gone, take some percent."""
LEAST_PERCENT = 0.001


class Length(NamedTuple):
    """How long some of the paper's runs were pretrained.

    Attributes:
        images_seen: images of the data set times epochs.
        places: of the numbers that they are behind.
    """

    images_seen: int
    places: Places

    def concerns(self, table: str, row: str, metric: str) -> bool:
        """Return whether it is that of the run behind this number."""
        return include(self.places, table, row, metric)


def read_lengths(path: Path = LENGTHS_FILE) -> list[Length]:
    """Read how long the paper's runs are.

    Raises:
        ValueError: naming the file and the entry, if one lacks a part.
    """
    lengths = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["lengths"]:
        try:
            lengths.append(Length(int(entry["images_seen"]), places_of(entry)))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: expected images_seen, and at with table, row and metric, got {entry}") from error
    return lengths


def reduced_rows(job: TableJob, summaries: Iterable[Mapping[str, Any]], lengths: Sequence[Length]) -> list[str]:
    """Return why each row counts as run at a reduced budget, in words; empty for one that does not, or that nothing was run for.

    A study that has a note in its headings cuts the budget of every row, by its own word. Else a row is held against the paper's:
    it counts if one of its runs saw less than `FULL_SHARE` of the images that the paper's run behind the same number saw. Only
    pretraining is compared. A difference counts with its rows.

    Args:
        job: of the table.
        summaries: of its trained runs, every seed.
        lengths: of the paper's runs.
    """
    seen: dict[str, int] = {}
    for summary in summaries:
        run, images = str(summary["run"]), int(summary["cost"]["images_seen"])
        seen[run] = min(images, seen.get(run, images))
    reasons = {row.label: "; ".join(_reasons(job, row, seen, lengths)) for row in job.table.rows if not row.difference}
    return [_of_difference(row, reasons) if row.difference else reasons[row.label] for row in job.table.rows]


def _reasons(job: TableJob, row: Row, seen: Mapping[str, int], lengths: Sequence[Length]) -> Iterator[str]:
    if job.title_note and (row.all_runs or row.proposals is not None):
        yield job.title_note
    shares = list(_shares(job, row, seen, lengths))
    if shares and min(shares) < FULL_SHARE:
        yield f"pretrained on {_percent(min(shares))} of the images that the paper's run saw"


def _shares(job: TableJob, row: Row, seen: Mapping[str, int], lengths: Sequence[Length]) -> Iterator[float]:
    for column in job.table.columns:
        place, judged = job.table.published_at(row, column), row.judged_by(column)
        if place is not None and judged is not None and judged[0] in seen:
            yield from (seen[judged[0]] / length.images_seen for length in lengths if length.concerns(*place))


def _of_difference(row: Row, reasons: Mapping[str, str]) -> str:
    assert row.difference is not None
    parts = dict.fromkeys(reason for label in row.difference.labels if (reason := reasons[label]))
    if len(parts) < 2:
        return next(iter(parts), "")
    return "computed from such rows"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if 100 * share >= LEAST_PERCENT else f"less than {LEAST_PERCENT}%"
