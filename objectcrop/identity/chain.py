"""Whether a file is what a study would make now: its record, and those of all that it was made from, against the lineage."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.identity.lineage import Expected, Lineage
from objectcrop.identity.record import Input, Record, is_taken_for_whole, read_record, sha256_of, stamp_of

MAX_NAMED = 3


class Problem(NamedTuple):
    """Why a file is not to be used: the file where the difference is, and the difference in words."""

    file: str
    reason: str

    def through(self, file: str) -> str:
        """Return the sentence about `file`, which was made from this one or is it."""
        where = "" if file == self.file else f" was made from {self.file}, which"
        return f"{file}{where} {self.reason}"


Leaf = Callable[[Record], str | None]
"""What only the caller can compare, as the images behind a manifest: the difference in words, or None."""


class Chain:
    """Examines files; each record is read once.

    Args:
        lineage: what the study expects; without one only bytes and inputs are compared.
        leaf: compares what is behind a record, beside its inputs.
        data_root: where files under the data root of a record are now; None is where they were.
    """

    def __init__(self, lineage: Lineage | None, leaf: Leaf | None = None, data_root: str | None = None) -> None:
        self._lineage, self._leaf, self._data_root = lineage, leaf, data_root
        self._found: dict[str, Problem | None] = {}
        self._records: dict[str, Record | None] = {}
        self._digests: dict[str, str | None] = {}

    def problem(self, file: str) -> Problem | None:
        """Return the first thing, in order of the chain from its beginning, that keeps a file from being used; None if nothing.

        Files that are not there any more are judged by their records: results outlive what they were made from.
        """
        if file not in self._found:
            self._found[file] = None  # no file is made from itself
            self._found[file] = self._examine(file)
        return self._found[file]

    def digest(self, file: str) -> str | None:
        """Return the SHA-256 of a file as it is now, or as its record says if it is gone; None if nothing is known."""
        if file not in self._digests:
            self._digests[file] = self._digest(file)
        return self._digests[file]

    def _digest(self, file: str) -> str | None:
        record = self._record(file)
        if not Path(file).exists():
            return None if record is None else record.output.sha256
        if record is not None and is_taken_for_whole(record, stamp_of(file)):
            return record.output.sha256
        return sha256_of(file)

    def _record(self, file: str) -> Record | None:
        # of 512 shards each of 512 others names all
        if file not in self._records:
            self._records[file] = read_record(file)
        return self._records[file]

    def _examine(self, file: str) -> Problem | None:
        record, expected = self._record(file), None if self._lineage is None else self._lineage.find(file)
        if record is None:
            if expected is None:
                return None  # from outside: whoever read it recorded its bytes
            return Problem(file, f"has no record of how it was made: {_remake(file)}")
        for entry in record.all_inputs():
            if (behind := self.problem(entry.path)) is not None:
                return behind
        reason = (
            self._other_job(record, expected)
            or self._other_inputs(record)
            or self._other_bytes(file, record)
            or (self._leaf(record) if self._leaf is not None else None)
        )
        return None if reason is None else Problem(file, reason)

    def _other_job(self, record: Record, expected: Expected | None) -> str | None:
        if expected is None:
            return None
        if record.rule != expected.rule:
            return f"was made by {record.rule}, the study makes it by {expected.rule}: {_remake(record.file)}"
        if record.settings != expected.settings:
            named = describe_differences(record.settings, expected.settings)
            return f"was made with other settings than the study has now ({named}): {_remake(record.file)}"
        if record.code != expected.code:
            return f"was made by other code of {record.rule} than there is now: {_remake(record.file)}"
        return None

    def _other_inputs(self, record: Record) -> str | None:
        for entry in record.all_inputs():
            now = self._now(entry, record.story.get("data_root"))
            if now is not None and now != entry.sha256:
                return f"was made from another {entry.path} than there is now: {_remake(record.file)}"
        return None

    def _now(self, entry: Input, root: str | None) -> str | None:
        file = entry.path
        if root is not None and self._data_root is not None and Path(file).is_relative_to(root):
            file = (self._data_root / Path(file).relative_to(root)).as_posix()
        if (
            file not in self._digests
            and self._record(file) is None
            and Path(file).exists()
            and stamp_of(file) == entry.stamp
        ):
            return entry.sha256
        return self.digest(file)

    def _other_bytes(self, file: str, record: Record) -> str | None:
        now = self.digest(file)
        if now is None or now == record.output.sha256:
            return None
        return f"has other bytes than {record.rule} wrote: {_remake(file)}"


def describe_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return which settings differ, by their dotted names, the first few with both values."""
    before, after = dict(_leaves(was)), dict(_leaves(now))
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    words = [f"{name} was {before.get(name, 'not set')}, is {after.get(name, 'not set')}" for name in names[:MAX_NAMED]]
    more = [f"{len(names) - MAX_NAMED} more"] if len(names) > MAX_NAMED else []
    return "; ".join(words + more)


def _leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        return [(name, value)]
    return [leaf for key, part in value.items() for leaf in _leaves(part, f"{name}.{key}" if name else str(key))]


def _remake(file: str) -> str:
    return f"remove it and run snakemake again, or run `snakemake --forcerun {file}`"
