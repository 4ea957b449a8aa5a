"""The runs of a folder of results, one entry for each seed: state, progress, metrics and cost."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from objectcrop.identity.lineage import Lineage, newest_lineage
from objectcrop.identity.making import gpus_of
from objectcrop.identity.record import Record, read_record
from objectcrop.registry.locks import is_worked_in
from objectcrop.registry.places import place, seeds_of
from objectcrop.registry.progress import Progress, read_progress
from objectcrop.runtime.atomic import read_json
from objectcrop.study.plan import paths

State = Literal["planned", "training", "stopped", "trained", "evaluating", "evaluated", "stale"]
EVALUATING = ("evaluate_linear", "fine_tune", "segment")
"""Rules whose results judge a run."""


class Written(NamedTuple):
    """A JSON file that a job of the run wrote, and its record, which results of earlier versions lack."""

    value: dict[str, Any]
    record: Record | None

    @property
    def seconds(self) -> float:
        """Wall-clock time of the job."""
        return float(self.value["cost"]["seconds"])

    @property
    def gpu_seconds(self) -> float:
        """That times the GPUs that it computed on."""
        return self.seconds * self._num_gpus

    @property
    def device(self) -> Mapping[str, Any]:
        """What it computed on (see `describe_device`); empty if nobody noted it."""
        found: Mapping[str, Any] = self.value.get("provenance", {}).get("device", {})
        return found

    @property
    def _num_gpus(self) -> int:
        if self.device:
            return int(self.device["num_gpus"])
        return 0 if self.record is None else gpus_of(shlex.split(self.record.story["command"]))


class Entry(NamedTuple):
    """A run with one seed.

    Attributes:
        folder: of the results.
        run: its name.
        seed: of the run.
        state: how far it is: "evaluated" when every result is there that the study plans; "stale" if settings or code of a result
            are not those of the study that was planned last.
        progress: of its training; None if it logged nothing.
        summary: of its training; None before its end.
        results: by task.
        missing: tasks that the study plans for it and that have no result.
        stale: files that are not what the study would make now.
    """

    folder: Path
    run: str
    seed: int
    state: State
    progress: Progress | None
    summary: Written | None
    results: Mapping[str, Written]
    missing: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def written(self) -> list[Written]:
        """Everything that its jobs wrote so far."""
        return [*([] if self.summary is None else [self.summary]), *self.results.values()]

    @property
    def metrics(self) -> dict[str, float]:
        """What was measured, as TASK.METRIC."""
        return {
            f"{task}.{name}": float(value)
            for task, result in self.results.items()
            for name, value in result.value["metrics"].items()
            if value is not None
        }

    @property
    def seconds(self) -> float:
        """Wall-clock time of its jobs, one after another; of a training that has not ended, so far."""
        so_far = 0.0 if self.summary is not None or self.progress is None else self.progress.seconds
        return so_far + sum(written.seconds for written in self.written)

    @property
    def gpu_seconds(self) -> float:
        """Time on GPUs of the jobs that have ended."""
        return sum(written.gpu_seconds for written in self.written)


def read_entries(folder: Path) -> list[Entry]:
    """Return the runs of a folder of results, those that its newest study plans among them.

    Raises:
        ValueError: if it is no folder, or naming a file of it that is damaged.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of results, as `snakemake` writes them")
    lineage = newest_lineage(place(folder, paths.LINEAGES))
    runs = dict.fromkeys(_planned(lineage))
    begun = [path.name for stage in ("pretrain", "eval") for path in sorted(folder.glob(f"{stage}/*")) if path.is_dir()]
    runs |= {(run, seed): None for run in dict.fromkeys(begun) for seed in seeds_of(folder, run)}
    return [read_entry(folder, run, seed, lineage) for run, seed in sorted(runs)]


def read_entry(folder: Path, run: str, seed: int, lineage: Lineage | None) -> Entry:
    """Return one run with one seed.

    Args:
        folder: of the results.
        run: its name.
        seed: of the run.
        lineage: what the study that was planned last expects of the folder's files, if it is known.
    """
    names: dict[str, Any] = {"run": run, "seed": seed}
    path = place(folder, paths.RUN_SUMMARY, **names)
    files = {file.stem: file for file in sorted(folder.glob(f"eval/{run}/s{seed}/*.json"))}
    summary = _written(path) if path.is_file() else None
    results = {task: _written(file) for task, file in files.items()}
    missing = tuple(task for task in _planned_tasks(lineage, run) if task not in results)
    written = [*([] if summary is None else [summary]), *results.values()]
    stale = tuple(one.record.file for one in written if one.record is not None and _is_stale(one.record, lineage))
    log = place(folder, paths.RUN_METRICS, **names)
    progress = read_progress(log, _num_epochs(summary, lineage, names))
    state = _at_work(folder, names)
    if state is None and stale:
        state = "stale"
    if state is None:
        state = _reached(summary is not None, bool(results) and not missing, has_begun=_has_begun(folder, names))
    return Entry(folder, run, seed, state, progress, summary, results, missing, stale)


def _at_work(folder: Path, names: dict[str, Any]) -> State | None:
    checkpoints = place(folder, paths.RUN_CHECKPOINTS, **names)
    if is_worked_in(checkpoints / "lock", place(folder, paths.RUN_METRICS, **names)):
        return "training"
    tasks = place(folder, paths.RESULT_CHECKPOINTS, **names, task="*")
    locks = folder.glob(str((tasks / "lock").relative_to(folder)))
    return "evaluating" if any(is_worked_in(lock) for lock in locks) else None


def _has_begun(folder: Path, names: dict[str, Any]) -> bool:
    """Return whether there is a state or a line of the log."""
    checkpoints = place(folder, paths.RUN_CHECKPOINTS, **names)
    return place(folder, paths.RUN_METRICS, **names).is_file() or any(checkpoints.glob("state-*.pt"))


def _reached(is_trained: bool, is_evaluated: bool, *, has_begun: bool) -> State:
    if is_evaluated:
        return "evaluated"
    if is_trained:
        return "trained"
    return "stopped" if has_begun else "planned"


def _written(path: Path) -> Written:
    return Written(read_json(path), read_record(path))


def _is_stale(record: Record, lineage: Lineage | None) -> bool:
    expected = None if lineage is None else lineage.find(record.file)
    return expected is not None and (record.settings, record.code) != (expected.settings, expected.code)


def _planned(lineage: Lineage | None) -> Iterator[tuple[str, int]]:
    """Yield runs and seeds of the tables of a study."""
    if lineage is None:
        return
    tables = [settings for _, settings in lineage.made_by("render_table")]
    seeds = sorted({seed for table in tables for seed in table["seeds"]})
    for _, settings in lineage.made_by("pretrain"):
        yield from ((settings["run_name"], seed) for seed in seeds)


def _planned_tasks(lineage: Lineage | None, run: str) -> list[str]:
    """Return the tasks that a study judges a run by."""
    if lineage is None:
        return []
    made = (settings for rule in EVALUATING for _, settings in lineage.made_by(rule))
    return list(dict.fromkeys(settings["task_name"] for settings in made if settings["run_name"] == run))


def _num_epochs(summary: Written | None, lineage: Lineage | None, names: dict[str, Any]) -> int | None:
    if summary is not None:
        run = summary.value["settings"]
    else:
        expected = None if lineage is None else lineage.find(paths.RUN_SUMMARY.format(**names))
        run = {} if expected is None else expected.settings["run"]
    epochs = run.get("optimizer", {}).get("epochs")
    return None if epochs is None else int(epochs)
