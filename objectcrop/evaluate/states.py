"""What a fine-tuning leaves: its state and the record of its end, in a folder that the identity of its job names."""

import sys
from collections.abc import Sequence
from pathlib import Path

from objectcrop.identity.finished import FOLDER, RECORD, Finished, Origin

MAX_NAMED = 3


def finished_result(folder: Path, code: str, out: Path) -> Finished:
    """Return the record of a fine-tuning's end; one of other code is moved aside.

    Args:
        folder: of the job's identity, which covers settings, weights, annotations and images.
        code: digest of the code.
        out: result to write.
    """
    finished = Finished(folder, Origin(folder.name, code), {"result.json": out})
    finished.set_aside()
    return finished


def report_unused_states(folder: Path, label: str, last: str) -> None:
    """Say on stderr that states and results beside `folder` are not used, if there are some and `folder` has no state.

    Args:
        folder: of the job's identity.
        label: names the fine-tuning.
        last: file that a folder with a state has.
    """
    found = [*folder.parent.rglob(last), *folder.parent.glob(f"*/{FOLDER}/{RECORD}")]
    others = sorted({file.relative_to(folder.parent).parts[0] for file in found} - {folder.name})
    if not others or next(folder.rglob(last), None) is not None:
        return
    print(
        f"{label}: starts from scratch; of other weights, data, settings or code, and not used: "
        f"{', '.join(others[:MAX_NAMED])}{' ...' if len(others) > MAX_NAMED else ''} of {len(others)} in {folder.parent}",
        file=sys.stderr,
        flush=True,
    )


def forget_states(checkpoints: Path, names: Sequence[str]) -> None:
    """Remove the states of a fine-tuning whose result is recorded, those of other weights or settings too; records stay.

    Args:
        checkpoints: folder of all its identities.
        names: patterns of the files of a state.
    """
    for name in names:
        for file in checkpoints.rglob(name):
            file.unlink()
