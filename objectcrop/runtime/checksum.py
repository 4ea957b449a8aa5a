"""What a file's bytes are, in 64 digits."""

import hashlib
from pathlib import Path


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, hexadecimal; it is read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_sha256(path: str | Path, expected: str | None, *, setting: str) -> None:
    """Check that a file is the one that a setting pins; None pins none.

    Raises:
        ValueError: naming the file, what it is, what it should be and the setting.
    """
    if expected is not None and (actual := file_sha256(path)) != expected:
        raise ValueError(
            f"{path}: its SHA-256 is {actual}, {setting} expects {expected}; get the file that is meant, or correct the setting"
        )
