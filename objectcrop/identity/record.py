"""The record of a file: what its bytes are, and by which job, from which inputs and at what cost it was made.

It is `.records/NAME.json` beside the file, written after the file is whole.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from stat import S_ISDIR
from typing import Any, NamedTuple

from objectcrop.runtime.atomic import write_json
from objectcrop.runtime.checksum import file_sha256
from objectcrop.study.settings.section import settings_hash, sorted_json

FOLDER = ".records"
TOUCHED = ".snakemake_timestamp"
"""What Snakemake puts into a folder that a job wrote."""
READ_IN_PARTS = frozenset({"extract_features", "score_pairs"})
"""Rules whose files, hundreds of gigabytes, are only read where they are needed; their readers verify what they read."""
FORMAT = 1


class Stamp(NamedTuple):
    """What a file looks like from outside: as long as both stay the same, its bytes are taken to be the same.

    Of a folder: the bytes of all files in it, and the time of the latest change of a file or a folder.
    """

    num_bytes: int
    mtime_ns: int


class Input(NamedTuple):
    """A file, or a folder of files, that a job read: its path, the SHA-256 of its bytes, and its stamp then."""

    path: str
    sha256: str
    stamp: Stamp


class Record(NamedTuple):
    """What is known of a file.

    Attributes:
        file: its path, as it was passed to the script.
        output: the SHA-256 of its bytes, and its stamp.
        rule: the script that made it.
        settings: the job, as plain JSON values; empty for a script without settings.
        options: seed and shard, for jobs that have them.
        code: digest of the script's code.
        inputs: what was read, by the option that it was passed as.
        story: what nothing depends on: command, versions, machine, cost, time.
    """

    file: str
    output: Input
    rule: str
    settings: dict[str, Any]
    options: dict[str, int]
    code: str
    inputs: dict[str, list[Input]]
    story: dict[str, Any]

    @property
    def settings_hash(self) -> str:
        """The hash that names the settings."""
        return settings_hash(self.settings)

    def all_inputs(self) -> list[Input]:
        """Return the inputs of all options, each once."""
        return list({entry.path: entry for entries in self.inputs.values() for entry in entries}.values())


def record_path(file: str | Path) -> Path:
    """Return the path of a file's record."""
    path = Path(file)
    return path.parent / FOLDER / f"{path.name}.json"


def stamp_of(file: str | Path) -> Stamp:
    """Return the stamp of a file or a folder as it is now."""
    stats = [path.stat() for path in _with_contents(Path(file))]
    return Stamp(sum(s.st_size for s in stats if not S_ISDIR(s.st_mode)), max(s.st_mtime_ns for s in stats))


def is_taken_for_whole(record: Record, now: Stamp) -> bool:
    """Return whether a file with this stamp is taken to hold the bytes of its record, without being read.

    Snakemake touches what a job wrote when the job has ended. Of files that are read in parts the size counts, and that they are
    not older than their record.
    """
    written = record.output.stamp
    if record.rule in READ_IN_PARTS:
        return now.num_bytes == written.num_bytes and now.mtime_ns >= written.mtime_ns
    return now == written


def input_of(file: str | Path) -> Input:
    """Read a file, or all files of a folder, and return what it is now."""
    path = Path(file)
    return Input(path.as_posix(), sha256_of(path), stamp_of(path))


def sha256_of(file: str | Path) -> str:
    """Return the SHA-256 of a file's bytes; of a folder, that of the sorted list of its files with theirs."""
    path = Path(file)
    if not path.is_dir():
        return file_sha256(path)
    files = sorted(part for part in _with_contents(path) if not part.is_dir())
    listing = "\n".join(f"{part.relative_to(path).as_posix()} {file_sha256(part)}" for part in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def _with_contents(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        yield from (part for part in path.rglob("*") if FOLDER not in part.parts and part.name != TOUCHED)


def write_record(record: Record) -> None:
    """Write a record beside its file, atomically."""
    value: dict[str, Any] = {"format": FORMAT, **record._asdict()}
    value |= {"output": _plain(record.output)}
    value |= {"inputs": {name: [_plain(entry) for entry in entries] for name, entries in record.inputs.items()}}
    write_json(record_path(record.file), value | {"seal": _seal(value)})


def read_record(file: str | Path) -> Record | None:
    """Return the record of a file, None if it has none.

    Raises:
        ValueError: naming the record, if it is damaged.
    """
    path = record_path(file)
    try:
        value = json.loads(path.read_bytes())
        seal = value.pop("seal")
        if seal != _seal(value) or value.pop("format") != FORMAT:
            raise ValueError("its seal does not fit")
        inputs = {name: [_entry(entry) for entry in entries] for name, entries in value.pop("inputs").items()}
        return Record(output=_entry(value.pop("output")), inputs=inputs, **value)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: this record of {file} is damaged ({error}); remove both files and run snakemake again"
        ) from error


def identity(
    rule: str, settings: Mapping[str, Any], options: Mapping[str, int], contents: Mapping[str, Sequence[str]]
) -> str:
    """Return 16 hexadecimal digits that name what a job depends on: its settings, and what it reads.

    The states of all interrupted jobs are stored under it. The code is no part of it: a state outlives an edit of a comment; whose
    state has a layout, or numbers that depend on a recipe, counts these among its settings.

    Args:
        rule: the script.
        settings: of the job, as JSON values.
        options: seed and shard, for jobs that have them.
        contents: digests of what it reads, by the option that it is passed as: of whole files, or of the part of them that counts.
    """
    return settings_hash({"rule": rule, "settings": settings, "options": options, "contents": contents})


def _plain(entry: Input) -> dict[str, Any]:
    return {"path": entry.path, "sha256": entry.sha256, **entry.stamp._asdict()}


def _entry(value: Mapping[str, Any]) -> Input:
    return Input(str(value["path"]), str(value["sha256"]), Stamp(int(value["num_bytes"]), int(value["mtime_ns"])))


def _seal(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(sorted_json(value).encode()).hexdigest()
