"""The jobs of a study in a Snakefile that holds nothing else: what Snakemake takes to plan them, whatever the rules are."""

import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PROFILE = Path(__file__).resolve().parents[2] / "profiles/default"
HEAD = """import json
from pathlib import Path

INPUTS = json.loads((Path(workflow.basedir) / "inputs.json").read_text())

wildcard_constraints:
    number=r"\\d+",

rule all:
    default_target: True
    input: INPUTS["all"]["0"]
"""
BARE = """
rule {name}:
    input: lambda wildcards: INPUTS["{name}"][wildcards.number]
    output: "{name}/{{number}}"
    shell: "true > {{output}}"
"""
DRESSED = """
rule {name}:
    input: lambda wildcards: INPUTS["{name}"][wildcards.number]
    output: "{name}/{{number}}"
    log: "logs/{name}/{{number}}.log"
    benchmark: "benchmarks/{name}/{{number}}.tsv"
    conda: "env.yaml"
    threads: 1
    resources:
        gpu=lambda wildcards: 0,
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
        data_root=lambda wildcards: "data",
    params:
        settings=lambda wildcards: "{{}}",
        code="0",
    shell:
        "settings={{params.settings:q}}; python -c 'print(1)' --settings \\"$settings\\""
        " --data-root {{resources.data_root:q}} --threads {{threads}} --gpus {{resources.gpu}}"
        " 2>&1 | tee -i {{log}} > {{output}}"
"""

FORMS = {"Snakemake with our directives": True, "Snakemake alone": False}
"""Whether the rules of a bare workflow have the directives of ours."""
Row = tuple[str, float, str]
"""Name, value and unit."""


class Spent(NamedTuple):
    """Seconds of a process and its children."""

    processor_s: float
    wall_s: float


class Jobs(NamedTuple):
    """Jobs of a study: the rule of each by its number, and of which each needs a file."""

    rules: dict[int, str]
    needs: dict[int, list[int]]

    @property
    def num_needs(self) -> int:
        """Pairs of a job and one that it needs."""
        return sum(map(len, self.needs.values()))


def spent(arguments: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> tuple[Spent, str]:
    """Run Snakemake, and return what it took and what it printed.

    Raises:
        RuntimeError: if it fails, with the end of what it said.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**(environment or os.environ), "PATH": path}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--workflow-profile", str(PROFILE), *arguments]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s), done.stdout


def jobs_of(arguments: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> Jobs:
    """Return the jobs that Snakemake plans with some arguments."""
    _, printed = spent([*arguments, "--d3dag"], folder, environment)
    graph = json.loads(next(line for line in printed.splitlines() if line.startswith('{"nodes"')))
    needs: dict[int, list[int]] = defaultdict(list)
    for edge in graph["edges"]:
        needs[edge["v"]].append(edge["u"])
    return Jobs({node["id"]: node["value"]["rule"] for node in graph["nodes"]}, needs)


def write_bare(folder: Path, jobs: Jobs, *, is_dressed: bool = False) -> None:
    """Write a workflow of the same jobs, which need each other in the same way, by one file each.

    Args:
        folder: new.
        jobs: of a study, with one of rule `all`.
        is_dressed: whether rules have the directives of ours, with constant values.
    """
    folder.mkdir(parents=True)
    inputs: dict[str, dict[str, Any]] = defaultdict(dict)
    for number, rule in jobs.rules.items():
        needed = [f"{jobs.rules[other]}/{other}" for other in jobs.needs.get(number, ())]
        inputs[rule]["0" if rule == "all" else str(number)] = needed
    (folder / "inputs.json").write_text(json.dumps(inputs), encoding="utf-8")
    (folder / "env.yaml").write_text("dependencies: []\n", encoding="utf-8")
    form = DRESSED if is_dressed else BARE
    rules = [form.format(name=name) for name in sorted(set(inputs) - {"all"})]
    (folder / "Snakefile").write_text(HEAD + "".join(rules), encoding="utf-8")


def planned_beside(arguments: Sequence[str], folder: Path, scratch: Path) -> Iterator[Row]:
    """Yield name, value and unit of what planning takes: ours, and the same jobs in both kinds of bare workflows.

    Args:
        arguments: of Snakemake.
        folder: of our Snakefile.
        scratch: where the bare workflows are made.
    """
    jobs = jobs_of(arguments, folder)
    yield "jobs", len(jobs.rules), "jobs"
    yield from _both("ours", spent(["--dry-run", *arguments], folder)[0])
    for name, is_dressed in FORMS.items():
        write_bare(scratch / name, jobs, is_dressed=is_dressed)
        yield from _both(name, spent(["--dry-run"], scratch / name)[0])


def overheads(num_jobs: int, scratch: Path) -> Iterator[Row]:
    """Yield what a job costs beyond its planning, of jobs that do nothing, and of those that start Python as ours do."""
    jobs = Jobs({0: "all"} | dict.fromkeys(range(1, num_jobs + 1), "one"), {0: list(range(1, num_jobs + 1))})
    for name, is_dressed in FORMS.items():
        write_bare(scratch / name, jobs, is_dressed=is_dressed)
        planned, _ = spent(["--dry-run"], scratch / name)
        done, _ = spent([], scratch / name)
        each = Spent(*((whole - part) / num_jobs for whole, part in zip(done, planned, strict=True)))
        yield from _both(f"a job, {name}", each)


def _both(name: str, took: Spent) -> Iterator[Row]:
    yield f"{name}, processor s", took.processor_s, "s"
    yield f"{name}, wall s", took.wall_s, "s"
