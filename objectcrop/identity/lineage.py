"""What a study expects: by which rule, with which settings and which code each of its files is made."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.runtime.atomic import write_json
from objectcrop.study.settings.section import settings_hash

VARIABLE = "OBJECTCROP_LINEAGE"
"""Environment variable with the path of the lineage of the study that a job belongs to; Snakefile sets it."""

_SEED = re.compile(r"/s\d+/")
_SHARD = re.compile(r"/\d+(\.[a-z]+)$")


class Expected(NamedTuple):
    """How a file is made: its rule, the settings of the job, and the digest of the rule's code."""

    rule: str
    settings: dict[str, Any]
    code: str


class Lineage:
    """The files of a study, by path; of files that differ only in seed or shard one entry stands for all.

    Args:
        files: rule and settings by path, with "{seed}" and "{shard}" for any number.
        code: digest of each rule's code.
    """

    def __init__(self, files: Mapping[str, tuple[str, dict[str, Any]]], code: Mapping[str, str]) -> None:
        self._files, self._code = files, code

    def find(self, path: str) -> Expected | None:
        """Return how a file of the study is made, None if it is none."""
        for key in _keys(path):
            if key in self._files:
                rule, settings = self._files[key]
                return Expected(rule, settings, self._code[rule])
        return None

    def made_by(self, rule: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield path and settings of the files that a rule makes; "{seed}" and "{shard}" in a path stand for any number."""
        return ((path, settings) for path, (made_by, settings) in self._files.items() if made_by == rule)


def write_lineage(
    folder: str | Path, files: Mapping[str, tuple[str, Mapping[str, Any]]], code: Mapping[str, str]
) -> str:
    """Write a lineage into a folder, under a name that its content decides, and return its path.

    A job that still runs when the config is edited keeps the lineage that it was started with. The newest file is that of the study
    that was planned last: one that is planned again becomes the newest.
    """
    settings = {settings_hash(made): made for _, made in files.values()}
    named = {path: [rule, settings_hash(made)] for path, (rule, made) in files.items()}
    value = {"files": named, "settings": settings, "code": dict(code)}
    path = Path(folder) / f"{settings_hash(value)}.json"
    if not path.is_file():
        write_json(path, value)
    elif _by_age(path.parent)[-1] != path:
        path.touch()
    return path.as_posix()


def read_lineage(path: str | Path) -> Lineage:
    """Read the lineage of a study.

    Raises:
        ValueError: naming the file, if it is damaged.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        if settings_hash(value) != Path(path).stem:
            raise ValueError("its content does not fit its name")
        settings = value["settings"]
        files = {name: (str(rule), dict(settings[digest])) for name, (rule, digest) in value["files"].items()}
        return Lineage(files, value["code"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not the lineage of a study ({error}); remove it and run snakemake again") from error


def newest_lineage(folder: Path) -> Lineage | None:
    """Return the lineage that was written last into a folder, None if there is none."""
    files = _by_age(folder)
    return read_lineage(files[-1]) if files else None


def _by_age(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"), key=lambda file: file.stat().st_mtime_ns)


def _keys(path: str) -> Iterator[str]:
    seed, shard = _SEED.sub("/s{seed}/", path), _SHARD.sub(r"/{shard}\1", path)
    yield from dict.fromkeys((path, seed, shard, _SHARD.sub(r"/{shard}\1", seed)))
