"""What a training keeps on its way: its state and metrics in a folder, and which settings they belong to."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from objectcrop.identity.finished import FOLDER, Origin, stored_origin, unused_path
from objectcrop.runtime.atomic import replacing
from objectcrop.runtime.disk import writing
from objectcrop.runtime.torch_files import DamagedStateError, read_whole, write_torch

STATES, METRICS, EVENTS, LOCK = "state-*.pt", "metrics.jsonl", "tensorboard", "lock"
STATE_LAYOUT = 2
"""Which parts a state has, and their form. Raise it with them: a state of another layout is moved aside as stale."""


def saved_states(folder: Path) -> list[Path]:
    """List the saved states, the latest first."""
    return sorted(folder.glob(STATES), reverse=True)


def save_state(folder: Path, state: Mapping[str, Any], *, step: int, kept: int) -> None:
    """Write the state of a step atomically, then remove all but the last `kept`."""
    write_torch(folder / STATES.replace("*", f"{step:010d}"), dict(state))
    for old in saved_states(folder)[kept:]:
        old.unlink()


def load_state(folder: Path, settings_hash: str, device: torch.device) -> dict[str, Any] | None:
    """The latest state that can be read, None if none was saved; what is skipped is reported on standard error.

    Raises:
        ValueError: if it belongs to other settings, or there are states and none can be read.
    """
    states = saved_states(folder)
    for path in states:
        try:
            state = read_whole(path, device)
        except DamagedStateError as error:
            print(f"warning: {error}; using the one before", file=sys.stderr, flush=True)
            continue
        if state["settings_hash"] != settings_hash:
            raise ValueError(f"{path}: made with settings {state['settings_hash']}, not {settings_hash}; remove it")
        return state
    if states:
        raise ValueError(
            f"{folder}: none of the {len(states)} saved states can be read; remove them to train from scratch"
        )
    return None


def set_stale_aside(folder: Path, origin: Origin) -> Path | None:
    """Move what belongs to another training aside, as `<folder>.stale-<its hash>`; return its new place, or None.

    That is a state of other settings or data, or the record of a finished training of other settings, data or code.
    """
    stored_hash = next(filter(None, map(_settings_of, saved_states(folder))), None)
    if stored_hash is None and (finished := stored_origin(folder)) not in (None, origin):
        stored_hash, is_stale = finished.state, True
    else:
        is_stale = stored_hash not in (None, origin.state)
    if not is_stale:
        return None
    target = unused_path(folder.with_name(f"{folder.name}.stale-{stored_hash}"))
    target.mkdir()
    for path in (*saved_states(folder), folder / METRICS, folder / EVENTS, folder / FOLDER):
        if path.exists():
            path.rename(target / path.name)
    return target


def remove_states(folder: Path) -> None:
    """Remove the states of a training whose outputs are written and recorded."""
    for path in saved_states(folder):
        path.unlink()


def _settings_of(path: Path) -> str | None:
    try:
        return str(read_whole(path, torch.device("cpu"))["settings_hash"])
    except DamagedStateError:
        return None


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files of a process that was killed; only the holder of the folder's lock may."""
    for path in folder.glob(f".{STATES}"):
        path.unlink()


def append_metrics(folder: Path, row: Mapping[str, float]) -> None:
    """Add a line to the metrics."""
    with writing(folder / METRICS), (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """Return all lines of the metrics; those after a half-written line are left out."""
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


def own_statistics(method: nn.Module) -> Tensor:
    """What each process has for itself: running statistics of batch norm, of its own batches, in a row, shape (1, n), float64."""
    return torch.cat([torch.zeros(0, dtype=torch.float64), *(b.double().flatten().cpu() for b in _buffers(method))])[
        None
    ]


def restore_statistics(method: nn.Module, saved: Tensor) -> None:
    """Set them from a row of `own_statistics`, shape (n,).

    Raises:
        ValueError: if it is of another network.
    """
    buffers = _buffers(method)
    total = sum(buffer.numel() for buffer in buffers)
    if saved.numel() != total:
        raise ValueError(f"{saved.numel()} running statistics were saved, the networks have {total}")
    for buffer, part in zip(buffers, torch.split(saved, [buffer.numel() for buffer in buffers]), strict=True):
        buffer.copy_(part.reshape(buffer.shape))


def _buffers(method: nn.Module) -> list[Tensor]:
    norms = [module for module in method.modules() if isinstance(module, _BatchNorm)]
    return [buffer for norm in norms for buffer in norm.buffers()]
