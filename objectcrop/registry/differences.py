"""What differs between the records of two selections: settings, code, versions, machines, bytes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from objectcrop.identity.explanation import device_in_words
from objectcrop.identity.record import Record, read_record
from objectcrop.registry.places import Selection
from objectcrop.report.page.making import flat

UNSET, UNRECORDED = "not set", "not recorded"
BEFORE_RUNS = (
    "drawn/.records/*.json",
    "images/*/.records/manifest.parquet.json",
    "ohms/*/.records/summary.json.json",
    "proposals/*/.records/*.parquet.json",
)
OF_RUNS = (
    "pretrain/{run}/{seed}/.records/summary.json.json",
    "pretrain/{run}/{seed}/.records/*.json",
    "eval/{run}/{seed}/.records/*.json.json",
)
"""Records that are compared, below a folder of results; of a job's files the first one stands for it."""
WITH_STABLE_BYTES = (".parquet", ".safetensors")
"""Files without times and costs: the same computation on the same kind of machine gives the same bytes."""


class Difference(NamedTuple):
    """A setting, or another part of the provenance, that differs: both values in words, and the files that it is of."""

    name: str
    first: str
    second: str
    files: tuple[str, ...] = ()


class Bytes(NamedTuple):
    """Tables and weights that both have: those with the same bytes, and those with others."""

    same: tuple[str, ...]
    other: tuple[str, ...]


Records = Mapping[str, Record]
"""By name: the path below the results without the seed; of a selection of one run without the run too."""


def records_of(selection: Selection) -> dict[str, Record]:
    """Return the records of a selection, the first seed's of each file, and those of what runs are made from."""
    run = "*" if selection.run is None else selection.run
    seed = "s*" if selection.seed is None else f"s{selection.seed}"
    found: dict[str, Record] = {}
    for pattern in (*BEFORE_RUNS, *(part.format(run=run, seed=seed) for part in OF_RUNS)):
        for path in sorted(selection.folder.glob(pattern)):
            file = path.parent.parent / path.stem
            name = _name(file.relative_to(selection.folder), selection)
            if name not in found and (record := read_record(file)) is not None:
                found[name] = record
    return found


def alone(first: Records, second: Records) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files that only the one, and only the other has."""
    return tuple(name for name in first if name not in second), tuple(name for name in second if name not in first)


def setting_differences(first: Records, second: Records) -> list[Difference]:
    """Return the settings that differ of files that both have, each once with all its files."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for file in _jobs(first, second):
        mine, theirs = dict(flat(first[file].settings)), dict(flat(second[file].settings))
        for name in {**mine, **theirs}:
            values = mine.get(name, UNSET), theirs.get(name, UNSET)
            if values[0] != values[1]:
                found.setdefault((name, *values), []).append(file)
    return [Difference(*key, tuple(files)) for key, files in found.items()]


def code_differences(first: Records, second: Records) -> list[Difference]:
    """Return the rules whose code differs, by its digest, of files that both have, and the commits."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for file in _jobs(first, second):
        mine, theirs = first[file], second[file]
        if mine.code != theirs.code:
            found.setdefault((mine.rule, mine.code, theirs.code), []).append(file)
    rules = [Difference(*key, tuple(files)) for key, files in found.items()]
    return [*_differing([("commit", _all(first, _commit), _all(second, _commit))]), *rules]


def version_differences(first: Records, second: Records) -> list[Difference]:
    """Return Python and packages whose versions differ, the processors, and what was computed on."""
    packages = dict.fromkeys(name for one in (*first.values(), *second.values()) for name in one.story["versions"])
    kinds: list[tuple[str, Callable[[Record], str]]] = [
        ("Python", lambda record: record.story["python"]),
        *((name, lambda record, name=name: record.story["versions"].get(name, "")) for name in packages),
        ("processor", lambda record: record.story["machine"]["processor"]),
        ("platform", lambda record: record.story["platform"]),
        ("device", _device),
    ]
    return list(_differing([(name, _all(first, of), _all(second, of)) for name, of in kinds]))


def compare_bytes(first: Records, second: Records) -> Bytes:
    """Return which tables and weights that both have are the same."""
    files = [file for file in _both(first, second) if Path(file).suffix in WITH_STABLE_BYTES]
    same = [file for file in files if first[file].output.sha256 == second[file].output.sha256]
    return Bytes(tuple(same), tuple(file for file in files if file not in same))


def commits_of(records: Records) -> str:
    """Return the commits that files were made at."""
    return _all(records, _commit)


def _both(first: Records, second: Records) -> Iterator[str]:
    return (file for file in first if file in second)


def _jobs(first: Records, second: Records) -> Iterator[str]:
    """Yield the first file of each job that both have: others of a folder say the same of it."""
    found: dict[tuple[Path, str, str, str], str] = {}
    for file in _both(first, second):
        mine, theirs = first[file], second[file]
        found.setdefault((Path(file).parent, mine.rule, mine.settings_hash, theirs.settings_hash), file)
    return iter(found.values())


def _differing(triples: list[tuple[str, str, str]]) -> Iterator[Difference]:
    return (
        Difference(name, mine or UNRECORDED, theirs or UNRECORDED) for name, mine, theirs in triples if mine != theirs
    )


def _all(records: Records, of: Callable[[Record], str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, map(of, records.values()))))


def _commit(record: Record) -> str:
    return record.story["commit"] or "without a commit"


def _device(record: Record) -> str:
    device = record.story.get("device")
    # a job that never loaded PyTorch says nothing of its kernels
    return "" if device is None or (device["kind"] == "cpu" and "kernels" not in device) else device_in_words(device)


def _name(file: Path, selection: Selection) -> str:
    stage, *parts = file.parts
    if stage in ("pretrain", "eval"):  # RUN, sSEED, file
        parts = [*([parts[0]] if selection.run is None else []), *parts[2:]]
    return "/".join((stage, *parts))
