"""How long the demo's first run takes, by rule, and its networks in float32 and bfloat16 side by side.

1. The default study from nothing, in a folder of its own: wall-clock seconds of the whole run, and for each rule how many
   jobs there were and the mean seconds of one (as Snakemake recorded them, start of Python included). `--set-up` first clones
   the checkout and times `make setup` there, with the package caches as they are.
2. Every stage that runs networks: seconds of one step (or batch, or iteration) in either precision, alternating, times the
   steps of the demo. `--steps 0` leaves this out.

Prints both tables and writes benchmarks/results/first_run.json, from which `make demo` forecasts how long it will take.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from first_run_parts.networks import CALIBRATION, Stage, network_stages
from first_run_parts.recorded import RuleCost, rule_costs, versions
from results_parts.record import record

from objectcrop.ssl.training.calibration import calibration_seconds

ROOT = Path(__file__).resolve().parents[1]
PRECISIONS = ("float32", "bfloat16")


def timed(command: list[str], folder: Path) -> float:
    start = time.monotonic()
    subprocess.run(command, cwd=folder, check=True)
    return time.monotonic() - start


def set_up_seconds() -> float:
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), f"{name}/clone"], check=True)
        return timed(["make", "setup"], Path(name) / "clone")


def side_by_side(stages: list[Stage], repeats: int) -> dict[str, dict[str, float]]:
    """Median seconds of a step of each stage, by precision; the precisions alternate."""
    times: dict[str, dict[str, list[float]]] = {
        stage.name: {precision: [] for precision in PRECISIONS} for stage in stages
    }
    for stage in stages:
        for repeat in range(-1, repeats):
            for precision in PRECISIONS:
                step_s = stage.seconds(precision)
                if repeat >= 0:  # the first one warms up
                    times[stage.name][precision].append(step_s)
    return {name: {key: statistics.median(values) for key, values in own.items()} for name, own in times.items()}


def print_rules(costs: list[RuleCost], whole_s: float) -> None:
    print(f"{'rule':24}{'jobs':>6}{'s a job':>10}{'s in all':>10}")
    for cost in costs:
        print(f"{cost.rule:24}{cost.num_jobs:6}{cost.mean_s:10.1f}{cost.num_jobs * cost.mean_s:10.1f}")
    print(f"{'whole run, wall clock':24}{'':16}{whole_s:10.1f}")


def print_stages(stages: list[Stage], steps: dict[str, dict[str, float]]) -> dict[str, float]:
    print(f"\n{'stage':28}{'steps':>8}" + "".join(f"{name + ', s':>14}" for name in PRECISIONS) + f"{'ratio':>8}")
    totals = dict.fromkeys(PRECISIONS, 0.0)
    for stage in stages:
        whole = {name: stage.num_steps * value for name, value in steps[stage.name].items()}
        for name, value in whole.items():
            totals[name] += value
        print(f"{stage.name:28}{stage.num_steps:8}" + "".join(f"{whole[name]:14.1f}" for name in PRECISIONS), end="")
        print(f"{whole['bfloat16'] / whole['float32']:8.2f}")
    print(f"{'all of them, one core':36}" + "".join(f"{totals[name]:14.1f}" for name in PRECISIONS), end="")
    print(f"{totals['bfloat16'] / totals['float32']:8.2f}")
    return totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set-up", action="store_true", help="time make setup on a clone too")
    parser.add_argument("--steps", type=int, default=3, help="steps of each stage and precision; 0 leaves them out")
    args = parser.parse_args()
    rows, calibrations = [], [calibration_seconds()]
    if args.set_up:
        rows.append({"name": "set-up", "value": set_up_seconds(), "unit": "s"})
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "all", "--snakefile", str(ROOT / "Snakefile")]
        profile = ["--workflow-profile", str(ROOT / "profiles/default")]
        whole_s = timed([*snakemake, *profile, "--directory", name], folder)
        costs = rule_costs(folder / ".snakemake/metadata")
        # before and after: machines that are shared change while it runs
        calibrations.append(calibration_seconds())
        rows.append({"name": CALIBRATION, "value": statistics.fmean(calibrations), "unit": "s"})
        print_rules(costs, whole_s)
        rows.append({"name": "whole run", "value": whole_s, "unit": "s"})
        for cost in costs:
            rows.append({"name": f"jobs {cost.rule}", "value": cost.num_jobs, "unit": "jobs"})
            rows.append({"name": f"job {cost.rule}", "value": cost.mean_s, "unit": "s"})
        if args.steps:
            stages = network_stages(ROOT / "config.yaml", folder)
            steps = side_by_side(stages, args.steps)
            totals = print_stages(stages, steps)
            ratios["bfloat16_over_float32"] = totals["bfloat16"] / totals["float32"]
            rows += [
                {"name": f"{stage.name}, {precision}", "value": stage.num_steps * value, "unit": "s"}
                for stage in stages
                for precision, value in steps[stage.name].items()
            ]
    result = {
        "versions": versions(),
        "command": "python benchmarks/first_run.py" + (" --set-up" if args.set_up else "") + f" --steps {args.steps}",
        "rows": [{**row, "value": round(float(row["value"]), 4)} for row in rows],
        "ratios": {key: round(value, 3) for key, value in ratios.items()},
    }
    record("first_run", result)


if __name__ == "__main__":
    main()
