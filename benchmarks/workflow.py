"""How long the workflow itself takes: planning the default and the paper's study, and the overhead of a job.

Every study is planned beside the same jobs in a Snakefile that holds nothing else (`workflow_parts/bare.py`): with rules that have
an input, an output and a command, and with rules that have the directives of ours, but constant. What ours takes more is ours.
The overhead is that of running jobs that do nothing, alone, and in our form (settings, log through tee, start of Python).
Processor seconds are given beside wall seconds, as other work on the machine stretches only the latter. Prints a table and writes
benchmarks/results/workflow.json. `--studies` plans some only: the paper as it is has 1,792 shards of images.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from first_run_parts.recorded import versions
from results_parts.record import record
from workflow_parts.bare import Row, overheads, planned_beside

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "presets/paper.yaml"
NUM_SHARDS = 256
STUDIES = ("default", f"paper with {NUM_SHARDS} shards", "paper")


def arguments_of(study: str, folder: Path) -> list[str]:
    """Return the arguments of Snakemake for a study; in one the shards of LOD's sources are that many together."""
    if study == "default":
        return []
    if study == "paper":
        return ["--configfile", str(PAPER)]
    proposals = yaml.safe_load(PAPER.read_text(encoding="utf-8"))["proposals"]
    sources = [name for name, source in proposals.items() if source["kind"] == "lod"]
    overlay = folder / "shards.json"
    fewer = {name: {"num_shards": NUM_SHARDS // len(sources)} for name in sources}
    overlay.write_text(json.dumps({"proposals": fewer}), encoding="utf-8")
    return ["--configfile", str(PAPER), str(overlay)]


def measured(studies: list[str], num_jobs: int, folder: Path) -> Iterator[Row]:
    """Yield what each study takes, and a job."""
    for number, study in enumerate(studies):
        for name, value, unit in planned_beside(arguments_of(study, folder), ROOT, folder / str(number)):
            yield f"{study}, {name}", value, unit
    if num_jobs:
        yield from overheads(num_jobs, folder / "jobs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES), help="that are planned")
    parser.add_argument(
        "--jobs", type=int, default=40, help="that are run to measure the overhead of one; 0 leaves it out"
    )
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        for what, value, unit in measured(args.studies, args.jobs, Path(name)):
            print(f"{what:72} {value:10.3f} {unit}", flush=True)
            rows.append({"name": what, "value": round(value, 4), "unit": unit})
    studies = (
        "" if list(args.studies) == list(STUDIES) else " --studies " + " ".join(f"'{name}'" for name in args.studies)
    )
    values = {row["name"]: row["value"] for row in rows}
    ratios = {
        f"{study}, beside {name}": round(
            values[f"{study}, ours, processor s"] / values[f"{study}, {name}, processor s"], 3
        )
        for study in args.studies
        for name in ("Snakemake with our directives", "Snakemake alone")
    }
    result = {
        "versions": versions() | {"snakemake-executor-plugin-slurm": version("snakemake-executor-plugin-slurm")},
        "command": f"python benchmarks/workflow.py{studies} --jobs {args.jobs}",
        "rows": rows,
        "ratios": ratios,
    }
    record("workflow", result)


if __name__ == "__main__":
    main()
