"""The base of every settings section, and how settings travel: as one sorted JSON."""

import hashlib
import json
import posixpath
from collections.abc import Callable, Mapping
from functools import partial
from operator import eq
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.+-]*$")]
"""A name that may stand in a path and as a wildcard: lower case, digits, `_`, `.`, `+`, `-`."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None
"""What a file's bytes must be, if anything is asked."""

Split = Literal["train", "validation", "test"]


def stays_below(path: str) -> bool:
    """Return whether a path is of a place below the folder that it starts from, by its text alone: links are not followed."""
    shortest = posixpath.normpath(path)
    return not (posixpath.isabs(path) or shortest == ".." or shortest.startswith("../") or "\0" in path)


def _below(path: str) -> str:
    if not stays_below(path):
        raise ValueError(
            f"expected a path below the data root, without a leading / and no .. that leaves it, got {path!r}"
        )
    return path


LocalPath = Annotated[str, AfterValidator(_below)]
"""A path below the data root, by its text; where links lead is checked when files are read."""

Precision = Literal["auto", "float32", "bfloat16"]
"""What networks compute in; `auto` is resolved where they run (objectcrop.runtime.precision)."""

PRECISION_DESCRIPTION = (
    "What the network computes in. auto: bfloat16 where the device has it natively (GPUs of compute capability 8.0 up, CPUs "
    "with AVX-512), else float32."
)

NOT_RECORDED = ("resources", "note", "download", "transfer", "gpus", "ranking_processes", "ranking_memory_mb")
"""Fields that say how a job runs, how files get here or how they are described, not what a result depends on."""


class DisagreementError(ValueError):
    """Settings of a section that do not fit together: each problem with the setting's path inside the section."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{setting}: {text}" for setting, text in problems))
        self.problems = tuple(problems)


class Section(BaseModel):
    """A closed, frozen set of settings: a misspelt key is an error, never a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def is_none(value: object) -> bool:
    """Return whether a setting is left out of what is recorded: newer ones that ask for nothing change no result."""
    return value is None


def younger(first: Any) -> Callable[[Any], bool]:
    """Return the `exclude_if` of a setting that came later than results: at `first`, what all had before, it is not recorded."""
    return partial(eq, first)


def recorded(section: Section) -> dict[str, Any]:
    """Return the settings that a result depends on, as plain JSON values."""
    return {key: value for key, value in section.model_dump(mode="json").items() if key not in NOT_RECORDED}


def sorted_json(value: Mapping[str, Any]) -> str:
    """Return one line of JSON with sorted keys: equal settings give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def settings_hash(value: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that name these settings (SHA-256 of their sorted JSON)."""
    return hashlib.sha256(sorted_json(value).encode()).hexdigest()[:16]


def parse_settings(text: str) -> dict[str, Any]:
    """Return the value of a script's `--settings`: a JSON object, or `@file` that holds one.

    Raises:
        ValueError: if it is not a JSON object.
    """
    source = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    try:
        value = json.loads(source)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"--settings: not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"--settings: expected a JSON object, got {type(value).__name__}")
    return value
