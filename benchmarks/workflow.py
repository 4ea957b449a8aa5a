"""How long the workflow itself takes: planning the default and the paper's study, and the overhead of a job.

Prints a table and writes benchmarks/results/workflow.json. The overhead is that of running many jobs that do nothing but
start Python, in a throw-away workflow of the same form (shell, params, log through tee).
"""

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NUM_JOBS = 40
SNAKEFILE = """
rule all:
    input: expand("out/{i}.txt", i=range(%d))
rule one:
    output: "out/{i}.txt"
    log: "logs/{i}.log"
    params: settings=lambda w: "{}"
    shell: "python -c 'print(1)' 2>&1 | tee -i {log} > {output}"
"""


def seconds(arguments: list[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "snakemake", *arguments], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def median_seconds(arguments: list[str], folder: Path, repeats: int = 3) -> float:
    return statistics.median(seconds(arguments, folder) for _ in range(repeats))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text(SNAKEFILE % NUM_JOBS)
        nothing = median_seconds(["-n", "--cores", "1"], folder)
        jobs = seconds(["--cores", "1", "--scheduler", "greedy"], folder)
    rows = {
        "dry_run_default_s": median_seconds(["-n", "--cores", "1"], ROOT),
        "dry_run_paper_s": median_seconds(["-n", "--cores", "1", "--configfile", "presets/paper.yaml"], ROOT),
        "overhead_per_job_s": (jobs - nothing) / NUM_JOBS,
    }
    for key, value in rows.items():
        print(f"{key:22s} {value:7.3f}")
    result = {
        "machine": f"{platform.machine()} {platform.system()}",
        "versions": {"snakemake": version("snakemake"), "python": platform.python_version()},
        "command": "python benchmarks/workflow.py",
        "rows": [{"name": key, "value": value, "unit": "s"} for key, value in rows.items()],
        "ratios": {},
    }
    path = ROOT / "benchmarks/results/workflow.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
