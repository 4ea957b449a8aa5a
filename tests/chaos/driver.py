"""Runs a study to its end, whatever is done to it: kills, full disks, damaged files."""

import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.disk import filled
from tests.chaos.pace import num_finished, pace_of
from tests.chaos.victims import Finder, Victim, find_jobs, find_workers
from tests.conftest import Workflow

KINDS = ("job", "job", "job", "job", "job", "job", "snakemake", "snakemake", "worker", "worker")
"""What is killed: the job that was chosen, the Snakemake that started it, or one of the job's own processes."""
DAMAGED = re.compile(r"(results/\S+): .*remove it and run (?:snakemake|its rule) again")
KILLED = re.compile(r"^.*: \w+ \(process \d+\) was killed before it could say why\. .*$", re.MULTILINE)
OTHER_LIVES = re.compile(r"results/\S+ is being written by \w+ \(process [^)]+\).*run the same command again")
FULL = re.compile(r"^.*(?:the disk is full|No space left on device).*$", re.MULTILINE)
TRACEBACK = re.compile(r"^Traceback .*\n(?:(?: .*)?\n)+.*$", re.MULTILINE)
"""Of Python, up to the line of the error."""
PAUSE_S, PATIENCE_S, SHARE_OF_TIME = 0.5, 3600, 0.7


@dataclass
class Wanted:
    """What is left to be done to the study: processes to kill, by kind; fillings of its disk; files to damage."""

    kills: list[str]
    fillings: int = 0
    damages: int = 0

    @property
    def strikes(self) -> int:
        """How many of these hit a job."""
        return len(self.kills) + self.fillings


def random_kinds(number: int, seed: int) -> list[str]:
    """Draw kinds of processes to kill."""
    return random.Random(seed).choices(KINDS, k=number)


@dataclass
class Story:
    """What was done, and what was said of it."""

    kills: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    locked: int = 0
    refused: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    rounds: int = 1

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"kills": dict(self.kills), "rules": dict(self.rules)}


class Chaos:
    """Disturbs one study.

    Args:
        study: Snakemake in its folder.
        arguments: of Snakemake.
        wanted: what to do.
        calm: folder of the same study, left alone.
        seed: of what happens when.
        logs: folder for the output of each start.
        more: further kinds of processes to kill, as a cluster's daemons, with the functions that find them.
    """

    def __init__(
        self,
        study: Workflow,
        arguments: Sequence[str],
        wanted: Wanted,
        *,
        calm: Path,
        seed: int,
        logs: Path,
        more: Mapping[str, Finder] | None = None,
    ) -> None:
        self._study, self._arguments, self._wanted, self._logs = study, arguments, wanted, logs
        self._calm = calm
        self._rng, self._finders = random.Random(seed), {"worker": find_workers} | dict(more or {})
        self.story = Story()
        self._count_jobs()

    def run(self) -> Story:
        """Start Snakemake until all is done to the study and it has ended well.

        Raises:
            AssertionError: if it fails without a reason, or with other words than expected.
        """
        try:
            while True:
                was_disturbed, code, said = self._start()
                full = FULL.findall(said)
                self.story.full += full[:3]
                if code == 0 and not self._wanted.strikes:
                    return self.story
                if code == 0:
                    self._begin_again()
                elif code == -signal.SIGKILL:
                    self._unlock()
                elif not full:
                    self._follow_advice(said, was_disturbed)
                self._damage_a_file()
        finally:
            for job in find_jobs(self._study.folder):  # after an error: they would work on
                os.kill(job.pid, signal.SIGKILL)

    def _start(self) -> tuple[bool, int, str]:
        """Start Snakemake once, and disturb it; return whether that was done, its exit code and all that it said."""
        self.story.starts += 1
        self._pace = pace_of(self._calm)
        log = self._logs / f"{self.story.starts:03}.log"
        before = self._wanted.strikes
        with log.open("w") as out:
            process = subprocess.Popen(
                self._study.command("--keep-going", *self._arguments),
                cwd=self._study.folder,
                env=self._study.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                self._disturb(process)
            finally:
                if process.poll() is None:
                    process.kill()
        return (
            before != (self.story.kills.total(), self._wanted.fillings),
            process.wait(),
            log.read_text(errors="replace"),
        )

    def _disturb(self, process: "subprocess.Popen[bytes]") -> None:
        seen: set[int] = set()
        due: list[tuple[float, Victim]] = []
        with ExitStack() as disk:
            end = time.monotonic() + PATIENCE_S
            while process.poll() is None:
                assert time.monotonic() < end, "the study takes too long"
                for victim in find_jobs(self._study.folder):
                    if victim.pid not in seen and self._is_chosen(len(due)):
                        due.append((time.monotonic() + self._delay_s(victim.rule), victim))
                    seen.add(victim.pid)
                for entry in [entry for entry in due if time.monotonic() >= entry[0]]:
                    due.remove(entry)
                    self._strike(entry[1], process.pid, disk)
                time.sleep(PAUSE_S)

    def _delay_s(self, rule: str) -> float:
        """Draw how long a job lives: most of the time that it takes, as a machine is faster at times."""
        return SHARE_OF_TIME * self._rng.random() * self._pace.seconds.get(rule, 1)

    def _is_chosen(self, num_due: int) -> bool:
        """Draw: what is left to do is as likely before as after each job that is left."""
        left = max(0, self._wanted.strikes - num_due)
        jobs = max(1, self._jobs_at_end - num_finished(self._study.folder))
        return self._rng.random() < left / (left + jobs)

    def _strike(self, victim: Victim, snakemake: int, disk: ExitStack[bool | None]) -> None:
        if self._rng.randrange(max(1, self._wanted.strikes)) < self._wanted.fillings:
            self._wanted.fillings -= 1
            disk.enter_context(self._full_disk())
            self._say("fill the disk")
        elif self._wanted.kills and psutil.pid_exists(victim.pid):
            victim = self._chosen(self._wanted.kills[0], victim, snakemake)
            with suppress(ProcessLookupError):  # it has ended in time
                os.kill(victim.pid, signal.SIGKILL)
                self._wanted.kills.pop(0)
                self.story.kills[victim.kind] += 1
                self.story.rules[victim.rule] += 1
                self._say(f"kill {victim.kind} {victim.rule}")

    def _chosen(self, kind: str, job: Victim, snakemake: int) -> Victim:
        """Return a process of a kind, the job itself if there is none."""
        if kind == "snakemake":
            return Victim(kind, snakemake, "")
        found = list(self._finders[kind](self._study.folder)) if kind in self._finders else []
        return self._rng.choice(found) if found else job

    def _say(self, what: str) -> None:
        print(f"start {self.story.starts}, {num_finished(self._study.folder)} jobs done: {what}", flush=True)

    def _full_disk(self) -> AbstractContextManager[None]:
        return filled(self._study.folder, free_bytes=self._rng.randrange(200_000))

    def _unlock(self) -> None:
        """Do what Snakemake asks for after it was killed; the first time, see that it asks."""
        if not self.story.locked:
            done = self._study.run(*self._arguments, check=False)
            assert "cannot be locked" in done.stdout + done.stderr, done.stdout + done.stderr
        self.story.locked += 1
        self._study.run("--unlock", *self._arguments)

    def _follow_advice(self, said: str, was_disturbed: bool) -> None:
        """Do what the words of a failed start say."""
        self.story.tracebacks += TRACEBACK.findall(said)
        self.story.advice += KILLED.findall(said)
        if other := OTHER_LIVES.search(said):
            self.story.refused.append(other.group())
            end = time.monotonic() + PATIENCE_S
            while any(find_jobs(self._study.folder)):
                assert time.monotonic() < end, "jobs do not end"
                time.sleep(PAUSE_S)
        elif damaged := DAMAGED.search(said):
            self.story.damaged.append(damaged.group())
            (self._study.folder / damaged[1]).unlink()
        else:
            assert was_disturbed, said[-6000:]

    def _damage_a_file(self) -> None:
        """Flip bytes of a file that is still to be read, as a disk that rots does: size and times stay."""
        root, rng = self._study.folder, self._rng
        unread = [
            root / file
            for file, readers in self._pace.readers.items()
            if file.startswith("results/")
            and (root / file).is_file()
            and not any((root / one).exists() for one in readers)
        ]
        if (
            not self._wanted.damages
            or not any(self._calm.glob("results/tables/*"))
            or not unread
            or any(find_jobs(root))
        ):
            return
        self._wanted.damages -= 1
        path = rng.choice(sorted(unread))
        stat, data = path.stat(), bytearray(path.read_bytes())
        start = rng.randrange(max(1, len(data) - 4))
        for place in range(start, min(start + 4, len(data))):
            data[place] ^= rng.randrange(1, 256)
        path.write_bytes(data)
        self._say(f"damage {path.relative_to(root)}")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def _begin_again(self) -> None:
        """Remove results and all that is made of them, so that there is something left to disturb."""
        self.story.rounds += 1
        for pattern in ("results/eval/*/s*/*.json", "results/tables/*.*", "results/report/*.html"):
            for path in filter(Path.is_file, self._study.folder.glob(pattern)):
                path.unlink()
        self._count_jobs()

    def _count_jobs(self) -> None:
        """Note how many jobs will have ended well when the study has; a job that is made again counts once more."""
        planned = self._study.planned(*self._arguments)
        self._jobs_at_end = num_finished(self._study.folder) + sum(planned.values())
