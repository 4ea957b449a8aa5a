"""The life of a job, from inputs that are examined to outputs that have records."""

import argparse
import os
import resource
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from objectcrop.identity.chain import Chain, Leaf, Problem
from objectcrop.identity.lineage import VARIABLE, Lineage, read_lineage
from objectcrop.identity.machine import describe_machine
from objectcrop.identity.provenance import provenance
from objectcrop.identity.record import (
    Input,
    Record,
    identity,
    input_of,
    is_taken_for_whole,
    read_record,
    stamp_of,
    write_record,
)
from objectcrop.identity.running import FOLDER, Started, start
from objectcrop.study.digest import code_digest

ROOT = Path(__file__).resolve().parents[2]


class Work(NamedTuple):
    """What a script was asked to do.

    Attributes:
        rule: its name.
        settings: the job, as plain JSON values.
        options: seed and shard, for jobs that have them.
        inputs: files by option.
        outputs: files.
        command: as it was called.
        data_root: folder that the paths of images start from, if it reads any.
        large: options whose files are too large to be read for their digest each time: the record's word is taken where the file
            looks as it did, and the script verifies what it reads of them.
    """

    rule: str
    settings: dict[str, Any]
    options: dict[str, int]
    inputs: Mapping[str, Sequence[Path]]
    outputs: Sequence[Path]
    command: Sequence[str]
    data_root: str | None = None
    large: frozenset[str] = frozenset()


class Making:
    """A job that runs: `finish` writes the records of its outputs.

    Attributes:
        problems: what keeps each input from being used, where the caller asked for it instead of an error.
    """

    def __init__(
        self,
        work: Work,
        inputs: dict[str, list[Input]],
        lineage: Lineage | None,
        problems: dict[str, Problem],
        started: Started | None = None,
    ) -> None:
        self._work, self._inputs, self._lineage, self.problems = work, inputs, lineage, problems
        self._started, self._start_s = started, time.monotonic()

    @property
    def identity(self) -> str:
        """What the job depends on, in 16 hexadecimal digits."""
        contents = {name: [entry.sha256 for entry in entries] for name, entries in self._inputs.items()}
        return identity(self._work.rule, self._work.settings, self._work.options, contents)

    def finish(self) -> None:
        """Write a record beside each output; the job has finished."""
        seconds, num_gpus = round(time.monotonic() - self._start_s, 2), gpus_of(self._work.command)
        story = {
            "command": shlex.join(self._work.command),
            "data_root": self._work.data_root,
            "outputs": [path.as_posix() for path in self._work.outputs],
            "seconds": seconds,
            "num_gpus": num_gpus,
            "gpu_seconds": round(seconds * num_gpus, 2),
            "peak_memory_mb": _peak_memory_mb(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": describe_machine(),
            **_around(num_gpus),
        }
        for path in self._work.outputs:
            output = input_of(path)
            work = self._work
            code = self._code(output.path)
            write_record(Record(output.path, output, work.rule, work.settings, work.options, code, self._inputs, story))
        if self._started is not None:
            self._started.end()

    def _code(self, path: str) -> str:
        expected = None if self._lineage is None else self._lineage.find(path)
        return code_digest(f"workflow_scripts.{self._work.rule}", ROOT) if expected is None else expected.code


class _Nothing(Making):
    """One of several processes that is not the first: that one examines and records."""

    def finish(self) -> None:
        return


def begin(work: Work, *, leaf: Leaf | None = None, tolerant: bool = False) -> Making:
    """Examine the inputs of a job, byte by byte, and the records of all that they were made from.

    The lineage of the study is the file that the environment variable OBJECTCROP_LINEAGE names; without one, as where a script is
    called by hand, settings and code are not compared, and other jobs do not know of this one.

    Args:
        work: the job.
        leaf: compares what is behind a record, beside its inputs.
        tolerant: collect problems of the lineage instead of raising; damaged bytes are an error in any case.

    Raises:
        ValueError: naming the inputs that are damaged, or not what the study would make now; or the process that already makes the
            outputs.
    """
    path, is_first = os.environ.get(VARIABLE), os.environ.get("RANK", "0") == "0"
    lineage = read_lineage(path) if path else None
    started = start(Path(path).parent / FOLDER, work.rule, work.outputs) if path and is_first and work.outputs else None
    inputs = {
        name: [_examined(file, is_large=name in work.large) for file in files]
        for name, files in work.inputs.items()
        if files
    }
    if not is_first:
        return _Nothing(work, inputs, lineage, {})
    chain = Chain(lineage, leaf, work.data_root)
    names = [entry.path for entries in inputs.values() for entry in entries]
    problems = {name: problem for name in names if (problem := chain.problem(name)) is not None}
    if problems and not tolerant:
        raise ValueError("\n".join(problem.through(name) for name, problem in problems.items()))
    return Making(work, inputs, lineage, problems if tolerant else {}, started)


def gpus_of(command: Sequence[str]) -> int:
    """Return how many GPUs a script was given, by its option `--gpus`; 0 where it has none."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--gpus", type=int, default=0)
    return int(parser.parse_known_args(list(command))[0].gpus)


def _around(num_gpus: int) -> dict[str, Any]:
    """Return the provenance of a job; of a job of several GPUs the launcher, which used none, knows their number alone."""
    found = provenance()
    if num_gpus and found["device"]["kind"] == "cpu":
        found["device"] = {"kind": "cuda", "name": None, "num_gpus": num_gpus}
    return found


def _examined(file: Path, *, is_large: bool) -> Input:
    """Read a file and compare it with its record, if it has one."""
    record = read_record(file)
    if is_large and record is not None and is_taken_for_whole(record, stamp_of(file)):
        return record.output
    found = input_of(file)
    if record is not None and record.output.sha256 != found.sha256:
        raise ValueError(
            f"{file}: its bytes are not those that {record.rule} wrote (SHA-256 {found.sha256[:12]}..., expected "
            f"{record.output.sha256[:12]}...): remove it and run snakemake again"
        )
    return found


def _peak_memory_mb() -> int:
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes here
    return round(max(own, children) * unit / 2**20)
