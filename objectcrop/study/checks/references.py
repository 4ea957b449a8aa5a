"""Names that one section uses and another defines: looked up in the config as it is written, so also in faulty entries."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from objectcrop.study.merging import suggestion


class Reference(NamedTuple):
    """A setting that names an entry of a section.

    Attributes:
        path: of the setting; `*` is any key or place, `key` at the end any key itself.
        section: that defines the name.
        what: an entry of that section is.
    """

    path: tuple[str, ...]
    section: str
    what: str


DATASETS, PROPOSALS, RUNS = ("datasets", "data set"), ("proposals", "proposal source"), ("runs", "run")
TASKS = ("tasks", "task")
REFERENCES = (
    Reference(("datasets", "*", "of"), *DATASETS),
    Reference(("datasets", "*", "parts", "*"), *DATASETS),
    Reference(("proposals", "*", "features_run"), *RUNS),
    Reference(("proposals", "*", "sizes_of"), *PROPOSALS),
    Reference(("proposals", "*", "of"), *PROPOSALS),
    Reference(("runs", "*", "dataset"), *DATASETS),
    Reference(("runs", "*", "views", "proposals"), *PROPOSALS),
    Reference(("tasks", "*", "dataset"), *DATASETS),
    Reference(("tables", "*", "columns", "*", "task"), *TASKS),
    Reference(("tables", "*", "rows", "*", "run"), *RUNS),
    Reference(("tables", "*", "rows", "*", "runs", "*"), *RUNS),
    Reference(("tables", "*", "rows", "*", "runs", "key"), *TASKS),
    Reference(("tables", "*", "rows", "*", "tasks", "*"), *TASKS),
    Reference(("tables", "*", "rows", "*", "tasks", "key"), *TASKS),
    Reference(("tables", "*", "rows", "*", "proposals", "dataset"), *DATASETS),
    Reference(("tables", "*", "rows", "*", "proposals", "source"), *PROPOSALS),
    Reference(("targets", "*", "*"), "tables", "table"),
    Reference(("measured_proposals", "key"), *DATASETS),
    Reference(("measured_proposals", "*", "*"), *PROPOSALS),
    Reference(("measured_subsets", "*"), *DATASETS),
    Reference(("inspection", "run"), *RUNS),
)


def find_unknown_names(config: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each setting that names what its section does not define.

    A section that is no mapping may define anything: names are then not looked up in it.

    Args:
        config: as it is written, runs before they inherit, so that a wrong name is said once, where it stands.
    """
    problems = []
    for reference in REFERENCES:
        defined = config.get(reference.section) or {}
        if not isinstance(defined, Mapping):
            continue
        names = [str(name) for name in defined]
        problems += [
            f"{where}: there is no {reference.what} {name!r}{suggestion(name, names)}"
            for where, name in _named(config, reference.path, "")
            if name not in names
        ]
    return problems


def _named(inside: Any, path: tuple[str, ...], where: str) -> Iterator[tuple[str, str]]:
    """Yield each place that a path leads to, and the text in it; what is no text is a mistake of its own, said elsewhere."""
    if not path:
        if isinstance(inside, str):
            yield where, inside
    elif path == ("key",):
        if isinstance(inside, Mapping):
            yield from ((f"{where}.{key}", str(key)) for key in inside)
    else:
        for key, value in _parts(inside):
            if path[0] in ("*", key):
                yield from _named(value, path[1:], f"{where}.{key}" if where else key)


def _parts(inside: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(inside, Mapping):
        yield from ((str(key), value) for key, value in inside.items())
    elif isinstance(inside, Sequence) and not isinstance(inside, str):
        yield from ((str(place), value) for place, value in enumerate(inside))
