"""A study from the merged config: inherited, validated, checked; every problem is named at once."""

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from objectcrop.study.checks.references import find_unknown_names
from objectcrop.study.checks.whole import find_misfits
from objectcrop.study.faults import explain, without_faults
from objectcrop.study.merging import resolve
from objectcrop.study.study import Study


class StudyError(ValueError):
    """A config that cannot be run; the message lists every problem."""

    def __init__(self, problems: list[str], files: Iterable[Any] = ()) -> None:
        lines = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        origin = f" ({', '.join(map(str, files))})" if files else ""
        super().__init__(f"the study{origin} has {len(set(problems))} problem(s):\n{lines}")


class Examined(NamedTuple):
    """A config as far as it can be read.

    Attributes:
        study: without what is faulty; None where nothing can be read.
        problems: every one of the config.
        has_data_root: whether the place of the data is known: no mistake is where it stands.
    """

    study: Study | None
    problems: list[str]
    has_data_root: bool


MAX_VALUES, MAX_DEPTH = 200_000, 60
"""Of a config whose aliases are followed; the largest preset has 1,714 values, 7 deep."""


def load_study(config: Mapping[str, Any]) -> Study:
    """Return the study of a merged config.

    Raises:
        StudyError: listing every misspelt key, wrong value, broken reference and misfit.
    """
    examined = examine(config)
    if examined.problems or examined.study is None:
        raise StudyError(examined.problems)
    return examined.study


def examine(config: Mapping[str, Any]) -> Examined:
    """Return the study as far as it can be read, and every problem of the config."""
    if problems := list(_excesses(config)):
        return Examined(None, problems, has_data_root=False)
    raw, problems = _with_known_sections({key: value for key, value in config.items() if value is not None})
    written = raw.get("runs") or {}
    if isinstance(written, Mapping):
        resolved, broken = _resolved_runs(written)
        problems += broken
        raw = raw | {"runs": resolved}
    study, faults = _validated(raw, _mappings(written))
    problems += faults
    problems += find_unknown_names(raw | {"runs": written})
    if study is not None:
        problems += find_misfits(study)
    return Examined(study, _said_once(problems, written), _has_data_root(raw, faults))


def _excesses(config: Mapping[str, Any]) -> Iterator[str]:
    """Name the sections that aliases of YAML make too large to look at, or that contain themselves."""
    for section, value in config.items():
        level, depth, count = [value], 0, 0
        while level and depth <= MAX_DEPTH and count <= MAX_VALUES:
            parts = (_parts(value) for value in level)
            # a level can be as large as what the limit holds off
            level = list(itertools.islice(itertools.chain.from_iterable(parts), MAX_VALUES + 1))
            depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH:
            yield f"{section}: nested more than {MAX_DEPTH} deep; does an alias (*name) stand in what it names?"
        elif count > MAX_VALUES:
            yield f"{section}: more than {MAX_VALUES:,} values once its aliases (*name) are followed; write out what is meant"


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _with_known_sections(raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the config with misspelt sections under the names that they must mean: others name what is in them."""
    problems = []
    for key in [key for key in raw if key not in Study.model_fields]:
        near = difflib.get_close_matches(str(key), [name for name in Study.model_fields if name not in raw], n=1)
        if near:
            problems.append(f"{key}: there is no such setting; did you mean {near[0]!r}?")
            raw[near[0]] = raw.pop(key)
    return raw, problems


def _said_once(problems: list[str], written: Any) -> list[str]:
    """Leave out what a run has only because it takes it over: it is said of the run that it inherits from."""
    parents = {name: run["inherit"] for name, run in _mappings(written).items() if isinstance(run.get("inherit"), str)}
    kept = dict.fromkeys(problems)
    for name, parent in parents.items():
        own, inherited = f"runs.{name}.", f"runs.{parent}."
        for problem in problems:
            if problem.startswith(own) and problem.replace(own, inherited, 1) in problems:
                kept.pop(problem, None)
    return list(kept)


def _mappings(runs: Any) -> dict[str, Mapping[str, Any]]:
    entries = runs.items() if isinstance(runs, Mapping) else ()
    return {name: run for name, run in entries if isinstance(run, Mapping)}


def _has_data_root(raw: Mapping[str, Any], faults: list[str]) -> bool:
    if isinstance(raw.get("data_root"), str):
        return True  # wins over all else
    is_elsewhere = "paths" not in raw and any(key not in Study.model_fields for key in raw)
    return not is_elsewhere and not any(fault.startswith(("paths", "data_root")) for fault in faults)


def _resolved_runs(raw_runs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    resolved: dict[str, Any] = {}
    problems = []
    runs = _mappings(raw_runs)
    problems += [f"runs.{name}: expected settings, got {raw_runs[name]!r}" for name in raw_runs if name not in runs]
    for name in runs:
        try:
            resolved[name] = resolve(runs, name)
        except ValueError as error:
            problems.append(str(error))
    return resolved, problems


def _validated(raw: dict[str, Any], runs: Mapping[str, Any]) -> tuple[Study | None, list[str]]:
    """Return the study, and what is wrong with it; what is faulty is left out so that the rest can still be checked."""
    try:
        return Study.model_validate(raw), []
    except ValidationError as error:
        return without_faults(raw, error), list(explain(error, raw, runs))
