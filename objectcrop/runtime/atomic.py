"""Files that appear whole or not at all."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from objectcrop.runtime.disk import writing


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a sibling path to write to; rename it over `path` when the block ends well.

    The sibling keeps the suffix of `path`, as many writers choose their format by it. On an exception the sibling is
    removed and `path` stays as it was. The parent folder is made if it is missing.

    Raises:
        WriteError: naming `path`, if the disk does not take it.
    """
    target = Path(path)
    aside = target.with_name(f".{target.stem}.{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    try:
        with writing(target, aside):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield aside
            with aside.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(aside, target)
    finally:  # after the disk's free space is said, which this raises
        with writing(target, aside):
            aside.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically: sorted keys, two spaces, a final newline; NaN and infinity are rejected."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; an error names the file."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # of JSON, or of text that is no UTF-8
        raise ValueError(f"{path}: not valid JSON ({error}); remove the file and run its rule again") from error
