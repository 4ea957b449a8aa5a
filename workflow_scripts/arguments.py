"""The options that scripts share: a job as JSON, and those that mean the same everywhere."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.section import Section

OPTIONS: dict[str, dict[str, Any]] = {
    "seed": {"type": int, "required": True, "help": "seed of the run"},
    "shard": {"type": int, "required": True, "help": "which shard, from 0"},
    "threads": {"type": int, "default": 1, "help": "cores"},
    "gpus": {"type": int, "default": 0, "help": "GPUs; 0 is the CPU"},
    "data-root": {"type": Path, "required": True, "help": "folder that the paths of data sets start from"},
    "manifest": {"type": Path, "required": True, "help": "MANIFEST of the data set"},
    "annotations": {"type": Path, "required": True, "help": "ANNOTATIONS of the data set"},
    "classes": {"type": Path, "required": True, "help": "CLASSES of the data set"},
    "proposals": {"type": Path, "required": True, "help": "PROPOSALS of the source"},
    "features": {"type": Path, "nargs": "+", "required": True, "help": "npz of every shard, in order"},
    "backbone": {"type": Path, "nargs": "*", "default": [], "help": "weights of the trunk, if they are in a file"},
    "run-summary": {
        "type": Path,
        "nargs": "*",
        "default": [],
        "help": "summary.json of the trunk's run, if it has one",
    },
    "code": {"default": "", "help": "digest of the code; what a finished job of other code wrote is not used again"},
    "checkpoints": {"type": Path, "required": True, "help": "folder of the state"},
}


def job_parser(description: str | None, job: type[Job], options: Sequence[str] = ()) -> ArgumentParser:
    """Return a parser of `--settings`, which hold a job, and of some of the options above; others may be added."""
    parser = ArgumentParser(description=description)
    parser.add_argument("--settings", required=True, help=f"JSON, or @file of it: {', '.join(job.model_fields)}")
    for name in options:
        parser.add_argument(f"--{name}", **OPTIONS[name])
    return parser


def add_settings(parser: ArgumentParser, section: type[Section], types: dict[str, type]) -> None:
    """Add an option for each named setting of a section, which has its default and its words."""
    for name, kind in types.items():
        field = section.model_fields[name]
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=field.default, help=field.description)
