"""The options that scripts share: a job as JSON, files that are read and written, and those that mean the same everywhere."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.runs import ResumableResources
from objectcrop.study.settings.section import Section, parse_settings

if TYPE_CHECKING:
    from objectcrop.identity.chain import Leaf
    from objectcrop.identity.making import Making

INPUTS = {
    "manifest": "MANIFEST of the data set",
    "annotations": "ANNOTATIONS of the data set",
    "classes": "CLASSES of the data set",
    "proposals": "PROPOSALS of the source",
}
LISTS = {
    "features": "npz of every shard, in order",
    "backbone": "weights of the trunk, if they are in a file",
    "run-summary": "summary.json of the trunk's run, if it has one",
}
LARGE = frozenset({"features"})
"""Files whose readers verify what they read of them."""
_EVERY = ResumableResources.model_fields["save_every_minutes"]
OPTIONS: dict[str, dict[str, Any]] = {
    "seed": {"type": int, "required": True, "help": "seed of the run"},
    "shard": {"type": int, "required": True, "help": "which shard, from 0"},
    "threads": {"type": int, "default": 1, "help": "cores"},
    "gpus": {"type": int, "default": 0, "help": "GPUs; 0 is the CPU"},
    "data-root": {"type": Path, "required": True, "help": "folder that the paths of data sets start from"},
    "code": {"default": "", "help": "digest of the code; what a finished job of other code wrote is not used again"},
    "save-every-minutes": {
        "type": float,
        "default": _EVERY.default,
        "help": _EVERY.description,
    },
    "checkpoints": {"type": Path, "required": True, "help": "folder of the state"},
}
TRAINING = ("seed", "data-root", "gpus", "threads", "checkpoints", "code", "save-every-minutes")
"""Options of the jobs that train."""
IDENTIFYING = ("seed", "shard")
"""Options that a result depends on, beside its settings and inputs."""


class ScriptParser(argparse.ArgumentParser):
    """Knows which options are files that the script reads whole, and which are files that it writes."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description)
        self._read: list[str] = []
        self._written: list[str] = []

    def add_input(self, name: str, meaning: str, nargs: Literal["*", "+"] | None = None) -> None:
        """Add a file that is read, or several."""
        more: dict[str, Any] = {"required": True} if nargs != "*" else {"default": []}
        self.add_argument(f"--{name}", type=Path, nargs=nargs, help=meaning, **more)
        self._read.append(name)

    def add_output(self, name: str, meaning: str) -> None:
        """Add a file that is written."""
        self.add_argument(f"--{name}", type=Path, required=True, help=meaning)
        self._written.append(name)

    def begin(
        self,
        rule: str,
        args: argparse.Namespace,
        *,
        outside: Sequence[Path] = (),
        leaf: "Leaf | None" = None,
        tolerant: bool = False,
    ) -> "Making":
        """Examine the inputs; the caller calls `finish` of what is returned when all outputs are written.

        Args:
            rule: the script.
            args: as parsed.
            outside: files and folders under the data root that it reads too.
            leaf: see `objectcrop.identity.making.begin`.
            tolerant: see there.

        Raises:
            ValueError: if an input is damaged, or not what the study would make now.
        """
        from objectcrop.identity.making import Work, begin

        values = vars(args)
        work = Work(
            rule=rule,
            settings=parse_settings(args.settings) if "settings" in values else {},
            options={name: values[name] for name in IDENTIFYING if name in values},
            inputs={name: _as_list(values[name.replace("-", "_")]) for name in self._read} | {"outside": list(outside)},
            outputs=_as_list([values[name.replace("-", "_")] for name in self._written]),
            command=["python", "-m", f"workflow_scripts.{rule}", *sys.argv[1:]],
            data_root=str(values["data_root"]) if values.get("data_root") else None,
            large=LARGE,
        )
        return begin(work, leaf=leaf, tolerant=tolerant)


def job_parser(description: str | None, job: type[Job], options: Sequence[str] = ()) -> ScriptParser:
    """Return a parser of `--settings`, which hold a job, and of some of the options above; others may be added."""
    parser = ScriptParser(description)
    parser.add_argument("--settings", required=True, help=f"JSON, or @file of it: {', '.join(job.model_fields)}")
    for name in options:
        if name in INPUTS:
            parser.add_input(name, INPUTS[name])
        elif name in LISTS:
            parser.add_input(name, LISTS[name], nargs="+" if name == "features" else "*")
        else:
            parser.add_argument(f"--{name}", **OPTIONS[name])
    return parser


def add_settings(parser: argparse.ArgumentParser, section: type[Section], types: dict[str, type]) -> None:
    """Add an option for each named setting of a section, which has its default and its words."""
    for name, kind in types.items():
        field = section.model_fields[name]
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=field.default, help=field.description)


def training_limits(args: argparse.Namespace) -> dict[str, Any]:
    """Return where a job that trains finds its data, what it computes on, and how often it saves."""
    return {
        "data_root": args.data_root,
        "gpus": args.gpus,
        "threads": args.threads,
        "save_every_s": 60 * args.save_every_minutes,
    }


def _as_list(value: Any) -> list[Path]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
