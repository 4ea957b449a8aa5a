"""The states of interrupted evaluations: folders named by the identity of a job, beside each other in one folder a result."""

import sys
from collections.abc import Iterable
from pathlib import Path

from objectcrop.identity.finished import FOLDER, RECORD, Finished, Origin

MAX_NAMED = 3


def finished_outputs(folder: Path, code: str, outputs: dict[str, Path]) -> Finished:
    """Return the record of an evaluation's end; one of other code is moved aside.

    Args:
        folder: of the job's identity, which covers settings, weights, annotations and images.
        code: digest of the code.
        outputs: files to write, each under its name in the record.
    """
    finished = Finished(folder, Origin(folder.name, code), outputs)
    finished.set_aside()
    return finished


def report_unused(folder: Path, label: str, patterns: Iterable[str]) -> None:
    """Say on stderr that states and results beside `folder` are not used, if there are some and `folder` has no state.

    Args:
        folder: of the job's identity.
        label: names the evaluation.
        patterns: of the files that a state is made of.
    """
    # those of repeats are in folders of their own
    found = (file for pattern in patterns for file in folder.parent.rglob(pattern))
    states = {file.relative_to(folder.parent).parts[0] for file in found}
    results = {file.parents[1].name for file in folder.parent.glob(f"*/{FOLDER}/{RECORD}")}
    if not (others := sorted((states | results) - {folder.name})) or folder.name in states:
        return
    print(
        f"{label}: starts from scratch; of other weights, data, settings or code, and not used: "
        f"{', '.join(others[:MAX_NAMED])}{' ...' if len(others) > MAX_NAMED else ''} of {len(others)} in {folder.parent}",
        file=sys.stderr,
        flush=True,
    )


def forget(checkpoints: Path, patterns: Iterable[str]) -> None:
    """Remove the states of an evaluation whose result is recorded, those of other weights or settings too; records stay."""
    for pattern in patterns:
        for file in checkpoints.rglob(pattern):
            file.unlink()
