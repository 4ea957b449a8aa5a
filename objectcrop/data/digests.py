"""The digest of an image's bytes, as a manifest holds it."""

import hashlib

from objectcrop.runtime.checksum import file_sha256

_NUM_DIGITS = 16


def bytes_digest(data: bytes) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file's bytes."""
    return hashlib.sha256(data).hexdigest()[:_NUM_DIGITS]


def file_digest(path: str) -> str:
    """Return `bytes_digest` of a file, which is read in blocks."""
    return file_sha256(path)[:_NUM_DIGITS]
