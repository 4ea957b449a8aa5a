"""A study from the merged config: inherited, validated, checked; every problem is named at once."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from objectcrop.study.checks import find_broken_references
from objectcrop.study.merging import resolve
from objectcrop.study.study import Study

RENAMED = {"pictures": "images", "picture_deadline_s": "image_deadline_s"}
"""Settings of earlier versions, by what they are called now."""

SECTIONS = ("datasets", "proposals", "runs", "tasks", "tables")


class StudyError(ValueError):
    """A config that cannot be run; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        super().__init__(f"the study has {len(set(problems))} problem(s):\n{lines}")


def load_study(config: Mapping[str, Any]) -> Study:
    """Return the study of a merged config.

    Raises:
        StudyError: listing every misspelt key, wrong value and broken reference.
    """
    study, problems = examine(config)
    if problems or study is None:
        raise StudyError(problems)
    return study


def examine(config: Mapping[str, Any]) -> tuple[Study | None, list[str]]:
    """Return the study as far as it can be read, and every problem of the config."""
    raw = {key: value for key, value in config.items() if value is not None}
    names = {section: frozenset(raw.get(section) or ()) for section in SECTIONS}
    resolved, problems = _resolved_runs(raw.get("runs") or {})
    study, faults = _validated(raw | {"runs": resolved})
    problems += faults
    if study is not None:
        problems += find_broken_references(study, names)
    return study, problems


def _resolved_runs(raw_runs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    resolved: dict[str, Any] = {}
    problems = []
    runs = {name: raw for name, raw in raw_runs.items() if isinstance(raw, Mapping)}
    problems += [f"runs.{name}: expected settings, got {raw_runs[name]!r}" for name in raw_runs if name not in runs]
    for name in runs:
        try:
            resolved[name] = resolve(runs, name)
        except ValueError as error:
            problems.append(str(error))
    return resolved, problems


def _validated(raw: dict[str, Any]) -> tuple[Study | None, list[str]]:
    """Return the study, and what is wrong with it; wrong entries are left out so that the others can still be checked."""
    try:
        return Study.model_validate(raw), []
    except ValidationError as error:
        problems = list(_explain(error))
        faulty = {detail["loc"][:2] for detail in error.errors() if detail["loc"]}
    sound = {
        key: {name: entry for name, entry in value.items() if (key, name) not in faulty} if key in SECTIONS else value
        for key, value in raw.items()
        if not isinstance(value, Mapping) or key in SECTIONS
    }
    try:
        return Study.model_validate({key: value for key, value in sound.items() if (key,) not in faulty}), problems
    except ValidationError:
        return None, problems


def _explain(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        where = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden" and detail["loc"][-1] in RENAMED:
            yield f"{where}: is now called {RENAMED[str(detail['loc'][-1])]!r}"
        elif detail["type"] == "extra_forbidden":
            yield f"{where}: there is no such setting (misspelt, or in the wrong section?)"
        elif detail["type"] == "missing":
            yield f"{where}: is missing"
        else:
            value = repr(detail.get("input"))
            got = f", got {value}" if len(value) < 80 and detail["type"] != "value_error" else ""
            yield f"{where}: {detail['msg'].removeprefix('Value error, ')}{got}"
