"""How a file was made, in words: its record and those of all that it was made from."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from objectcrop.identity.chain import Chain
from objectcrop.identity.record import Input, Record, read_record
from objectcrop.study.settings.section import sorted_json

SHOWN_INPUTS = 6
"""Files of one option that are named; of more, the first and the last."""

_SETTINGS = re.compile(r"--settings '[^']*'")
"""Of a command; the settings have a line of their own."""


def ancestors(files: Iterable[str], read: Callable[[str], Record | None] = read_record) -> list[Record]:
    """Return the records of files and of all that they were made from, each once, nearest first.

    Args:
        files: that a rule wrote.
        read: returns the record of a file, so that a caller who asks often may keep them.

    Raises:
        ValueError: if a file has no record, or a record is damaged.
    """
    found: dict[str, Record] = {}
    todo = list(files)
    for file in todo:
        if read(file) is None:
            raise ValueError(f"{file}: has no record of how it was made; expected a file that a rule wrote")
    while todo:
        file = todo.pop(0)
        if file in found or (record := read(file)) is None:
            continue
        found[file] = record
        todo += [entry.path for entry in record.all_inputs()]
    return list(found.values())


def explain(records: Iterable[Record], chain: Chain) -> Iterator[str]:
    """Yield lines on each file: state, command, settings, inputs, code, versions, machine, precision, cost; then the sum of costs.

    Args:
        records: nearest first, as `ancestors` returns them.
        chain: says whether a file is what the study would make now.
    """
    seconds, jobs, before = 0.0, set(), None
    for record in records:
        around = [f"  {line}" for line in surroundings(record)]
        yield from _lines(record, chain)
        yield from around if around != before else ["  versions and machine: the same"]
        yield f"  cost: {cost_in_words(record.story)}"
        yield ""
        before = around
        job = (record.rule, record.story["finished"], tuple(record.story["outputs"]))
        if job not in jobs:
            jobs.add(job)
            seconds += record.story["seconds"]
    yield f"together: {len(jobs)} jobs, {seconds:.0f} s"


def as_json(record: Record, chain: Chain) -> dict[str, Any]:
    """Return the same about one file as plain JSON values."""
    problem = chain.problem(record.file)
    value = record._asdict() | {"output": _plain(record.output), "stale": None if problem is None else problem.reason}
    value["inputs"] = {name: [_plain(entry) for entry in entries] for name, entries in record.inputs.items()}
    return value | {"precision": precision_of(record), "device": device_of(record)}


def precision_of(record: Record) -> Any:
    """Return what networks computed in, as a JSON file of the same job says; None if none does."""
    return next((value["precision"] for value in _written(record) if "precision" in value), None)


def device_of(record: Record) -> Mapping[str, Any] | None:
    """Return what a job computed on (see `describe_device`): as its process wrote into a JSON file, else as its record has it.

    None if it has none, as records of earlier versions.
    """
    found = (value["provenance"].get("device") for value in _written(record) if "provenance" in value)
    return next(filter(None, found), record.story.get("device"))


def _written(record: Record) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects that a job wrote and that are there."""
    for path in map(Path, record.story["outputs"]):
        if path.suffix == ".json" and path.is_file():
            value = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(value, dict):
                yield value


def cost_in_words(story: Mapping[str, Any]) -> str:
    """Return the time and memory of a job."""
    gpus = f", {story['gpu_seconds']} s of GPUs" if story.get("num_gpus") else ""
    return f"{story['seconds']} s{gpus}, {story['peak_memory_mb']} MB"


def device_in_words(device: Mapping[str, Any]) -> str:
    """Return what a job computed on, with what decides its last bits."""
    if device["kind"] == "cuda":
        versions = ", ".join(f"{name} {device[name]}" for name in ("cuda", "cudnn") if name in device)
        return f"{device['num_gpus']} x {device['name'] or 'GPU'}" + (f" ({versions})" if versions else "")
    kernels = f", {device['kernels']} kernels, {device['num_threads']} threads" if "kernels" in device else ""
    return f"{device['name']}{kernels}"


def _lines(record: Record, chain: Chain) -> Iterator[str]:
    story, problem = record.story, chain.problem(record.file)
    options = "".join(f", {name} {value}" for name, value in record.options.items())
    yield record.file
    if problem is not None:
        yield f"  STALE: {problem.through(record.file)}"
    yield f"  SHA-256 {record.output.sha256}, {record.output.stamp.num_bytes:,} bytes"
    yield f"  made by rule {record.rule}{options}, finished {story['finished']}"
    yield f"  command: {short_command(record)}"
    if record.settings:
        yield f"  settings ({record.settings_hash}): {sorted_json(record.settings)}"
    for name, entries in record.inputs.items():
        yield from _input_lines(name, entries)
    yield f"  code: {record.code}, commit {story['commit']}"
    if (precision := precision_of(record)) is not None:
        yield f"  precision: {precision if isinstance(precision, str) else sorted_json(precision)}"
    if (device := device_of(record)) is not None:
        yield f"  device: {device_in_words(device)}"


def short_command(record: Record) -> str:
    """Return the command of a file's job, without its settings."""
    return _SETTINGS.sub("--settings SETTINGS", record.story["command"])


def surroundings(record: Record) -> Iterator[str]:
    """Yield the versions and the machine that a file was made with, a line each."""
    story, machine = record.story, record.story["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in story["versions"].items())
    yield f"versions: Python {story['python']}, {versions}"
    sets = " ".join(machine["instruction_sets"]) or "no instruction sets of interest"
    yield f"machine: {machine['processor']}, {machine['cores']} cores, {sets}, {story['platform']}"


def _input_lines(name: str, entries: list[Input]) -> Iterator[str]:
    shown = entries if len(entries) <= SHOWN_INPUTS else [entries[0], entries[-1]]
    for entry in shown:
        yield f"  {name}: {entry.path} {entry.sha256}"
    if len(shown) < len(entries):
        yield f"  {name}: {len(entries)} files in all, the first and the last are named"


def _plain(entry: Input) -> dict[str, Any]:
    return {"path": entry.path, "sha256": entry.sha256, **entry.stamp._asdict()}
