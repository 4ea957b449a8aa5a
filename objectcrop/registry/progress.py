"""How far a training is, from the metrics that it leaves on its way."""

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

NUM_LINES = 10
"""Of the log, that the rate is taken over."""
READ_BYTES = 1 << 16
"""From its end: lines have some hundred bytes."""


class Progress(NamedTuple):
    """How far a training is.

    Attributes:
        step: steps that are done.
        share: of the whole training, 0 to 1; None if its length is not known.
        images_per_s: over the last lines of the log.
        seconds_left: at this rate; None if the length is not known.
        loss: of the last line.
        seconds: in training, over all attempts.
        age_s: seconds since the last line.
    """

    step: int
    share: float | None
    images_per_s: float
    seconds_left: float | None
    loss: float | None
    seconds: float
    age_s: float


def read_progress(log: Path, num_epochs: int | None) -> Progress | None:
    """Return how far a training is; None if it has logged nothing.

    Args:
        log: metrics.jsonl; a line that is being written now is left out.
        num_epochs: of the whole training; None if it is not known.

    Raises:
        ValueError: naming the log, if a line of it is damaged.
    """
    lines = _last_lines(log) if log.is_file() else []
    if not lines:
        return None
    last, rate = lines[-1], _rate(lines)
    share = None if num_epochs is None else min(last["epoch"] / num_epochs, 1.0)
    left = None
    if share is not None and share > 0 and rate > 0:
        left = last["images_seen"] * (1 / share - 1) / rate
    age_s = time.time() - log.stat().st_mtime
    return Progress(int(last["step"]), share, rate, left, last.get("loss"), float(last["seconds"]), age_s)


def _last_lines(log: Path) -> list[dict[str, Any]]:
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - READ_BYTES))
        text = file.read()
    # what follows the last line break is being written; what precedes the first one may be the end of a line
    whole = text.split(b"\n")[:-1][0 if size <= READ_BYTES else 1 :]
    try:
        return [json.loads(line) for line in whole[-NUM_LINES:]]
    except ValueError as error:
        raise ValueError(
            f"{log}: a line is no JSON ({error}); expected metrics as training writes them, it may be removed"
        ) from error


def _rate(lines: list[dict[str, Any]]) -> float:
    first, last = lines[0], lines[-1]
    seconds = last["seconds"] - first["seconds"]
    if seconds > 0:
        return float((last["images_seen"] - first["images_seen"]) / seconds)
    return float(last.get("images_per_s", 0.0))
