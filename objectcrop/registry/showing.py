"""All that is known of one run, as lines for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from objectcrop.identity.explanation import cost_in_words, device_in_words, short_command, surroundings
from objectcrop.identity.lineage import newest_lineage
from objectcrop.identity.record import Record
from objectcrop.registry.entry import Entry, Written, read_entry
from objectcrop.registry.places import Selection, place, seeds_of
from objectcrop.report.page.making import flat
from objectcrop.runtime.progress import clock
from objectcrop.study.plan import paths
from objectcrop.study.settings.section import sorted_json


def show_selected(selection: Selection) -> Iterator[str]:
    """Yield lines on a run, with one seed or all.

    Raises:
        ValueError: if the selection is a whole folder, or nothing is there of the run.
    """
    if selection.run is None:
        raise ValueError(
            f"{selection.words}: expected one run; `python -m workflow_scripts.runs list` lists those of a folder"
        )
    seeds = seeds_of(selection.folder, selection.run) if selection.seed is None else [selection.seed]
    lineage = newest_lineage(place(selection.folder, paths.LINEAGES))
    for seed in seeds:
        yield from show(read_entry(selection.folder, selection.run, seed, lineage))


def show(entry: Entry) -> Iterator[str]:
    """Yield lines on a run with one seed: state and progress, then each file with what it measured and was made with."""
    yield f"{entry.run}, seed {entry.seed}, of {entry.folder}: {entry.state}"
    yield from (f"  stale: {file}, see `python -m workflow_scripts.explain {file}`" for file in entry.stale)
    if entry.progress is not None:
        progress = entry.progress
        share = "" if progress.share is None else f" ({100 * progress.share:.0f}%)"
        left = (
            ""
            if entry.summary is not None or progress.seconds_left is None
            else f", {clock(progress.seconds_left)} left"
        )
        loss = "" if progress.loss is None else f", loss {progress.loss:.4g}"
        yield f"  step {progress.step}{share}, {progress.images_per_s:.4g} images/s{left}{loss}"
    yield f"  jobs together: {clock(entry.seconds)}, {entry.gpu_seconds / 3600:.3g} GPU-hours"
    if entry.summary is not None:
        yield from _of_training(entry.summary)
    for task, result in entry.results.items():
        yield f"{task}:"
        yield from _of_result(result.value)
        yield from _made(result, "task")


def _of_training(summary: Written) -> Iterator[str]:
    value = summary.value
    yield "training:"
    yield f"  weights: SHA-256 {value['sha256']}, labels used: {value['features']}"
    yield f"  seeds: {value['seed']} of the run, {value['study_seed']} of the study; recipe {value['recipe']}"
    yield from _made(summary, "run")


def _of_result(value: Mapping[str, Any]) -> Iterator[str]:
    for name, number in value["metrics"].items():
        ends = value.get("intervals", {}).get(name)
        interval = "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f} over test images)"
        yield f"  {name}: {'-' if number is None else f'{number:.4g}'}{interval}"


def _made(written: Written, section: str) -> Iterator[str]:
    """Yield what a file was made with; settings of the section alone, as a result repeats those of its run."""
    value, record = written.value, written.record
    settings = value["settings"].get(section, value["settings"])
    yield f"  settings ({value['settings_hash']}): {', '.join(f'{name}={text}' for name, text in flat(settings))}"
    precision = value["precision"] or "none"
    yield f"  precision: {precision if isinstance(precision, str) else sorted_json(precision)}"
    if written.device:
        yield f"  device: {device_in_words(written.device)}"
    if record is not None:
        yield from (f"  {line}" for line in _of_record(record))


def _of_record(record: Record) -> Iterator[str]:
    story = record.story
    yield f"{record.file}: SHA-256 {record.output.sha256}"
    for name, entries in record.inputs.items():
        yield from (f"from {name}: {entry.path} {entry.sha256}" for entry in entries)
    revision = story.get("revision")
    yield f"code: {record.code}, commit {story['commit']}{'' if revision is None else f' ({revision})'}"
    yield from surroundings(record)
    yield f"cost: {cost_in_words(story)}; finished {story['finished']}"
    yield f"command: {short_command(record)}"
