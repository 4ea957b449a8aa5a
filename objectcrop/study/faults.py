"""What pydantic finds wrong with a config: said with the config's own paths, and cut out so that the rest can be checked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from objectcrop.study.merging import suggestion
from objectcrop.study.settings.section import DisagreementError
from objectcrop.study.study import Study

RENAMED = {"pictures": "images", "picture_deadline_s": "image_deadline_s"}
"""Settings of earlier versions, by what they are called now."""

ENTRIES = ("datasets", "proposals", "runs", "tasks")
"""Sections whose entries are settings that must fit together: of a faulty one nothing is taken."""

NAME_RULE = "a name has lower-case letters, digits, '_', '.', '+' and '-', and begins with a letter or digit"
IN_KEY = "[key]"
"""How pydantic says that the last key itself is wrong, not what it holds."""
STAND_IN = "study"
"""Name of a study whose own is missing or wrong."""

Path = tuple[str, ...]
Detail = Mapping[str, Any]
"""One mistake, as pydantic describes it."""


def explain(error: ValidationError, config: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each mistake, behind the path of the setting in the config.

    Args:
        error: what pydantic found.
        config: what it validated, runs resolved.
        runs: as they are written; a mistake that a run takes over is named where it stands.
    """
    for detail in _causes(error):
        for path, text in _faults(config_path(config, detail), detail):
            is_of_run = path[:1] == ("runs",) and len(path) > 1
            where = ("runs", *origin(runs, path[1], path[2:])) if is_of_run else path
            yield f"{'.'.join(where)}: {text}"


def without_faults(config: Mapping[str, Any], error: ValidationError) -> Study | None:
    """Return the study without what is faulty: as little as possible is left out, and never part of a mistake's own entry.

    What stays is as the config has it, so that it can be checked further without a problem that is none.
    """
    rest = dict(config)
    for depth in (4, 2, 1):
        paths = {_unit(config_path(rest, detail))[:depth] for detail in error.errors()}
        for path in sorted(paths, key=_from_the_end):
            rest = _without(rest, path)
        rest.setdefault("name", STAND_IN)
        try:
            return Study.model_validate(rest)
        except ValidationError as more:
            error = more
    return None


def config_path(config: Mapping[str, Any], detail: Detail) -> Path:
    """Return where a mistake stands in the config: pydantic's own path also holds which member of a union was taken."""
    path: list[str] = []
    inside: Any = config
    for part in detail["loc"]:
        if part == IN_KEY or (isinstance(inside, Mapping) and part not in inside and part in _tags(inside)):
            continue
        path.append(str(part))
        inside = _part_of(inside, str(part))
    return tuple(path)


def origin(runs: Mapping[str, Any], name: str, path: Path) -> Path:
    """Return the run that a setting is taken over from and the setting's path in it; the run itself if none has it."""
    line = [name]
    while isinstance(run := runs.get(line[-1]), Mapping):
        if path and _holds(run, path):
            return (line[-1], *path)
        parent = str(run.get("inherit"))
        if parent in line:
            break
        line.append(parent)
    return (name, *path)


def _causes(error: ValidationError) -> Iterator[Detail]:
    """Yield the mistakes, without those that only follow: pydantic calls a list too short whose items it could not read."""
    details = error.errors()
    for detail in details:
        inner = (other["loc"][: len(detail["loc"])] for other in details if len(other["loc"]) > len(detail["loc"]))
        if detail["type"] != "too_short" or detail["loc"] not in inner:
            yield detail


def _faults(path: Path, detail: Detail) -> Iterator[tuple[Path, str]]:
    kind, value = detail["type"], repr(detail.get("input"))
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, DisagreementError):
        yield from (((*path, *setting.split(".")), text) for setting, text in cause.problems)
    elif detail["loc"][-1] == IN_KEY:
        yield path, f"is no name; {NAME_RULE}"
    elif kind == "extra_forbidden" and path[-1] in RENAMED:
        yield path, f"is now called {RENAMED[path[-1]]!r}"
    elif kind == "extra_forbidden":
        hint = suggestion(path[-1], sorted(_fields_at(detail["loc"][:-1])))
        yield path, f"there is no such setting (misspelt, or in the wrong section?){hint}"
    elif kind == "missing":
        yield path, f"is missing; {_meaning(detail['loc'])}"
    else:
        got = f", got {value}" if len(value) < 80 and kind != "value_error" else ""
        yield path, f"{detail['msg'].removeprefix('Value error, ')}{got}"


def _unit(path: Path) -> Path:
    """Return what is left out for a mistake: an entry whose settings must fit together, or less where nothing hangs on it."""
    if path[0] in ENTRIES:
        return path[:2]
    if path[0] == "tables":
        return path[:4] if path[2:3] in (("rows",), ("columns",)) else path[:2]
    return path if path[0] in ("measured_proposals", "measured_subsets", "inspection") else path[:1]


def _from_the_end(path: Path) -> tuple[int, ...]:
    # of a list the later parts first, so that the places of the earlier ones stay
    return tuple(-int(part) if part.isdecimal() else 0 for part in path)


def _without(inside: Any, path: Path) -> Any:
    if not path:
        return inside
    if isinstance(inside, Mapping):
        if len(path) == 1:
            return {key: value for key, value in inside.items() if str(key) != path[0]}
        return {key: _without(value, path[1:]) if str(key) == path[0] else value for key, value in inside.items()}
    if isinstance(inside, Sequence) and not isinstance(inside, str) and path[0].isdecimal():
        place = int(path[0])
        part = [] if len(path) == 1 else [_without(value, path[1:]) for value in inside[place : place + 1]]
        return [*inside[:place], *part, *inside[place + 1 :]]
    return inside


def _tags(inside: Mapping[str, Any]) -> tuple[Any, Any]:
    return inside.get("source"), inside.get("kind", "address")  # the kind that is set where images are downloaded from


def _part_of(inside: Any, part: str) -> Any:
    if isinstance(inside, Mapping):
        return next((value for key, value in inside.items() if str(key) == part), None)
    if isinstance(inside, Sequence) and not isinstance(inside, str) and part.isdecimal() and int(part) < len(inside):
        return inside[int(part)]
    return None


def _holds(inside: Any, path: Path) -> bool:
    for part in path[:-1]:
        inside = _part_of(inside, part)
    if isinstance(inside, Mapping):
        return any(str(key) == path[-1] for key in inside)
    return _part_of(inside, path[-1]) is not None


def _sections_at(places: Sequence[str | int]) -> set[type[BaseModel]]:
    """Return the sections that pydantic may have been in after these steps."""
    sections: set[type[BaseModel]] = {Study}
    is_name = False
    for place in places:
        if is_name:  # of an entry, which may be called as a setting is
            is_name = False
            continue
        fields = [section.model_fields[str(place)].annotation for section in sections if place in section.model_fields]
        inner = {part for annotation in fields for part in _sections_of(annotation)}
        sections = inner or _tagged(sections, place) or sections
        is_name = any(get_origin(annotation) is dict for annotation in fields)
    return sections


def _tagged(sections: set[type[BaseModel]], tag: str | int) -> set[type[BaseModel]]:
    """Return those of a union that a tag stands for."""
    fields = {section: section.model_fields.get("source") or section.model_fields.get("kind") for section in sections}
    return {section for section, field in fields.items() if field is not None and tag in get_args(field.annotation)}


def _sections_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections_of(part)


def _fields_at(places: Sequence[str | int]) -> set[str]:
    return {name for section in _sections_at(places) for name in section.model_fields}


def _meaning(places: Sequence[str | int]) -> str:
    fields = [section.model_fields.get(str(places[-1])) for section in _sections_at(places[:-1])]
    meanings = {field.description for field in fields if field is not None and field.description}
    return " / ".join(sorted(meanings)) or "every entry needs it"
