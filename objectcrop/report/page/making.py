"""How each number was made: command, files, settings, and the jobs before it, from the records of the files."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from objectcrop.identity.explanation import SHOWN_INPUTS, ancestors, short_command, surroundings
from objectcrop.identity.record import Record, read_record
from objectcrop.study.plan import paths
from objectcrop.study.settings.tables import Column, Table

DIGITS = 12
"""Of a digest that are shown."""


class Stage(NamedTuple):
    """Jobs of one rule: how many, their seconds one after another, the greatest memory, and one file that they wrote."""

    rule: str
    num_jobs: int
    seconds: float
    memory_mb: int
    file: str


class File(NamedTuple):
    """A result: of which seed, its bytes, and when its job ended."""

    seed: int | None
    path: str
    sha256: str
    finished: str
    seconds: float


class Made(NamedTuple):
    """How the numbers of one run under one task, or of one source of proposals, were made.

    Attributes:
        anchor: that cells point to.
        title: in words.
        files: results, one a seed; none where the files have no record.
        again: the command that makes them again with all that is out of date.
        command: as the script was called for the first of them; without its settings.
        settings: of that job, as (name, value).
        inputs: that it read, as (option, path, digest).
        stages: the jobs before it and itself, the last rule first.
        surroundings: versions and machine.
        code: digest and commit.
    """

    anchor: str
    title: str
    files: tuple[File, ...] = ()
    again: str = ""
    command: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    inputs: tuple[tuple[str, str, str], ...] = ()
    stages: tuple[Stage, ...] = ()
    surroundings: tuple[str, ...] = ()
    code: str = ""


class Making(NamedTuple):
    """All of a study: how each number was made, what all of it took, and on which machines."""

    numbers: tuple[Made, ...]
    stages: tuple[Stage, ...]
    machines: tuple[str, ...]


def anchors_of(table: Table, label: str, column: Column) -> tuple[str, ...]:
    """Return where it is said how a cell was made: of a difference the places of all its rows."""
    row = next(row for row in table.rows if row.label == label)
    if row.difference is not None:
        return tuple(
            dict.fromkeys(anchor for part in row.difference.labels for anchor in anchors_of(table, part, column))
        )
    return tuple(anchor for anchor, _, _ in _sources(table, label, column))


def read_making(tables: Mapping[str, Table], seeds: Iterable[int]) -> Making:
    """Return how the numbers of tables were made, as the records of the results in the working folder say.

    Args:
        tables: by name.
        seeds: that every run is repeated with.
    """
    read = cache(read_record)
    wanted: dict[str, tuple[str, list[tuple[int | None, str]]]] = {}
    for table in tables.values():
        for row in table.rows:
            for column in table.columns:
                for anchor, title, template in _sources(table, row.label, column):
                    wanted[anchor] = title, list(_files(template, seeds))
    numbers, everything = [], dict[str, Record]()
    for anchor, (title, files) in wanted.items():
        records = [(seed, record) for seed, path in files if (record := read(path)) is not None]
        chain = ancestors([record.file for _, record in records], read)
        everything |= {record.file: record for record in chain}
        first = ancestors([records[0][1].file], read) if records else []
        numbers.append(_made(anchor, title, records, first))
    machines = dict.fromkeys(line for record in everything.values() for line in surroundings(record))
    return Making(tuple(numbers), stages_of(everything.values()), tuple(machines))


def stages_of(records: Iterable[Record]) -> tuple[Stage, ...]:
    """Return the jobs that wrote files, rule by rule, in the order of the records."""
    jobs = {(record.rule, record.story["finished"], tuple(record.story["outputs"])): record for record in records}
    by_rule: dict[str, list[Record]] = {}
    for record in jobs.values():
        by_rule.setdefault(record.rule, []).append(record)
    return tuple(
        Stage(
            rule,
            len(made),
            sum(record.story["seconds"] for record in made),
            max(record.story["peak_memory_mb"] for record in made),
            made[0].file,
        )
        for rule, made in by_rule.items()
    )


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as dotted names and values."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def _sources(table: Table, label: str, column: Column) -> Iterator[tuple[str, str, str]]:
    """Yield anchor, title and path of what a row that is no difference has under a column."""
    row = next(row for row in table.rows if row.label == label)
    judged = row.judged_by(column)
    if judged is not None:
        run, task = judged
        yield f"made/{run}/{task}", f"{run}, judged by {task}", paths.RESULT.format(run=run, task=task, seed="{seed}")
    elif row.proposals is not None and column.task is None:
        names = row.proposals.model_dump()
        title = f"proposals of {row.proposals.source} on {row.proposals.dataset}"
        yield "made/{dataset}/{source}/proposals".format(**names), title, paths.PROPOSALS_SUMMARY.format(**names)


def _files(template: str, seeds: Iterable[int]) -> Iterator[tuple[int | None, str]]:
    if "{seed}" not in template:
        yield None, template
    else:
        yield from ((seed, template.format(seed=seed)) for seed in seeds)


def _inputs(record: Record) -> Iterator[tuple[str, str, str]]:
    for name, entries in record.inputs.items():
        shown = entries if len(entries) <= SHOWN_INPUTS else [entries[0], entries[-1]]
        yield from ((name, entry.path, entry.sha256[:DIGITS]) for entry in shown)
        if len(shown) < len(entries):
            yield name, f"{len(entries)} files in all, the first and the last are named", ""


def _made(anchor: str, title: str, records: list[tuple[int | None, Record]], chain: list[Record]) -> Made:
    if not records:
        return Made(anchor, title)
    _, first = records[0]
    files = tuple(
        File(seed, record.file, record.output.sha256[:DIGITS], record.story["finished"], record.story["seconds"])
        for seed, record in records
    )
    return Made(
        anchor,
        title,
        files,
        f"snakemake --cores all {' '.join(file.path for file in files)}",
        short_command(first),
        tuple(flat(first.settings)),
        tuple(_inputs(first)),
        stages_of(chain),
        tuple(surroundings(first)),
        f"{first.code}, commit {first.story['commit']}",
    )
