"""The folder of a training on its way: state, metrics, and which settings they belong to."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from objectcrop.runtime.atomic import replacing

STATE, METRICS, LOCK = "state.pt", "metrics.jsonl", "lock"


def save_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write the state atomically."""
    with replacing(folder / STATE) as aside:
        torch.save(dict(state), aside)


def load_state(folder: Path, settings_hash: str, device: torch.device) -> dict[str, Any] | None:
    """The saved state, None if there is none.

    Raises:
        ValueError: if it belongs to other settings, or cannot be read.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); remove it to train from the start") from error
    if state["settings_hash"] != settings_hash:
        raise ValueError(f"{path}: made with settings {state['settings_hash']}, not {settings_hash}; remove it")
    return state


def set_stale_aside(folder: Path, settings_hash: str) -> Path | None:
    """Move a folder that belongs to other settings aside, as `<folder>.stale-<its hash>`; its new place, or None."""
    path = folder / STATE
    if not path.is_file():
        return None
    found = str(torch.load(path, map_location="cpu", weights_only=True)["settings_hash"])
    if found == settings_hash:
        return None
    target = _unused(folder.with_name(f"{folder.name}.stale-{found}"))
    target.mkdir()
    for name in (STATE, METRICS):
        if (folder / name).exists():
            (folder / name).rename(target / name)
    return target


def remove_state(folder: Path) -> None:
    """Forget the state of a finished training: a forced rerun trains again."""
    (folder / STATE).unlink(missing_ok=True)


def append_metrics(folder: Path, row: Mapping[str, float]) -> None:
    """Add a line to the metrics."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """All lines of the metrics; what follows a half-written line is left out."""
    path = folder / METRICS
    rows: list[dict[str, float]] = []
    if not path.is_file():
        return rows
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def rewind_metrics(folder: Path, step: int) -> None:
    """Leave out what was logged after `step`: it will be trained, and logged, again."""
    kept = [row for row in read_metrics(folder) if row["step"] <= step]
    with replacing(folder / METRICS) as aside:
        aside.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


def _unused(path: Path) -> Path:
    candidate, number = path, 1
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
