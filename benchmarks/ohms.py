"""From a box CSV of Open Images' size to the tables of OHMS: time, memory, and the same with plain pandas beside it.

The rules' own scripts run as the workflow runs them, `read_annotations` and then `select_ohms`, with Parquet between them.
Beside them stands one script in pandas that must give the same tables: `ohms_parts/plain_pandas.py`, `read_csv` and `groupby`
as they come and without any check. Both are pinned to 2 cores. The CSVs are drawn (`ohms_parts/draw.py`) into a temporary
folder. Prints a table and writes benchmarks/results/ohms.json.

This process imports nothing big: Linux counts the memory of a parent into the peak of its child.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from results_parts.record import record

ROOT = Path(__file__).resolve().parents[1]
PARTS = ROOT / "benchmarks/ohms_parts"
REAL_ROWS = 14_610_229
SIZES = (1_000_000, 4_000_000, REAL_ROWS)
NUM_CORES = 2
PEERS = ("plain_pandas",)
DATASET = {
    "source": "openimages",
    "boxes": {"train": "train.csv"},
    "class_descriptions": "names.csv",
    "images": {"train": "train"},
}
OHMS = {"source": "ohms", "of": "openimages"}


class Cost(NamedTuple):
    """What a process took, or several one after the other."""

    wall_s: float
    processor_s: float
    peak_gib: float

    def then(self, other: "Cost") -> "Cost":
        """This process and then another."""
        peak_gib = max(self.peak_gib, other.peak_gib)
        return Cost(self.wall_s + other.wall_s, self.processor_s + other.processor_s, peak_gib)

    def text(self, num_rows: int) -> str:
        """As columns of the printed table."""
        each_us = self.wall_s / num_rows * 1e6
        return f"{self.wall_s:8.2f}  {each_us:8.3f}  {self.processor_s:11.2f}  {self.peak_gib:8.2f}"


HEADING = f"{'boxes':>10}  {'':16}  {'s':>8}  {'us a row':>8}  {'processor s':>11}  {'peak GiB':>8}"


def measure(command: list[str]) -> Cost:
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: ended with code {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def run_rules(data: Path, out: Path) -> dict[str, Cost]:
    read = ["-m", "workflow_scripts.read_annotations", "--data-root", str(data)]
    read += ["--settings", json.dumps({"dataset_name": "openimages", "dataset": DATASET})]
    read += ["--out", str(out / "annotations.parquet"), "--classes", str(out / "annotations.classes.parquet")]
    select = ["-m", "workflow_scripts.select_ohms", "--settings", json.dumps({"dataset_name": "ohms", "dataset": OHMS})]
    files = {
        "annotations": "annotations.parquet",
        "classes": "annotations.classes.parquet",
        "images-out": "images.parquet",
        "classes-out": "classes.parquet",
        "boxes-out": "boxes.parquet",
        "summary": "summary.json",
    }
    select += [word for name, file in files.items() for word in (f"--{name}", str(out / file))]
    costs = {"read_annotations": measure(read), "select_ohms": measure(select)}
    return costs | {"rules": costs["read_annotations"].then(costs["select_ohms"])}


def run_peer(name: str, data: Path, out: Path) -> dict[str, Cost]:
    files = [str(path) for path in (data / "train.csv", data / "names.csv", out)]
    return {name: measure([str(PARTS / f"{name}.py"), *files])}


def run_size(folder: Path, num_rows: int, repeats: int) -> dict[str, Cost]:
    """Median seconds and highest peak of each side, whose runs alternate."""
    data, ours, theirs = folder / "data", folder / "ours", {name: folder / name for name in PEERS}
    measure([str(PARTS / "draw.py"), str(data), str(num_rows)])
    runs: dict[str, list[Cost]] = {}
    for _ in range(repeats):
        for out in (ours, *theirs.values()):
            shutil.rmtree(out, ignore_errors=True)
        costs = run_rules(data, ours)
        for name, out in theirs.items():
            costs |= run_peer(name, data, out)
            subprocess.run([sys.executable, str(PARTS / "compare.py"), str(ours), str(out)], check=True)
        for name, cost in costs.items():
            runs.setdefault(name, []).append(cost)
            print(f"{num_rows:>10}  {name:16}  {cost.text(num_rows)}", flush=True)
    shutil.rmtree(folder)
    return {
        name: Cost(
            statistics.median(cost.wall_s for cost in costs),
            statistics.median(cost.processor_s for cost in costs),
            max(cost.peak_gib for cost in costs),
        )
        for name, costs in runs.items()
    }


def rows_of(num_rows: int, costs: dict[str, Cost]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, cost in costs.items():
        rows += [
            {"name": f"{name}_{num_rows}", "value": round(cost.wall_s, 3), "unit": "s"},
            {"name": f"{name}_{num_rows}_per_row", "value": round(cost.wall_s / num_rows * 1e6, 3), "unit": "us"},
            {"name": f"{name}_{num_rows}_processor", "value": round(cost.processor_s, 3), "unit": "s"},
            {"name": f"{name}_{num_rows}_peak", "value": round(cost.peak_gib, 3), "unit": "GiB"},
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=REAL_ROWS, help="boxes of the largest CSV")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, in turn")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    sizes = [size for size in SIZES if size < args.rows] + [args.rows]
    print(HEADING)
    with tempfile.TemporaryDirectory() as name:
        costs = {size: run_size(Path(name) / str(size), size, args.repeats) for size in sizes}
    print(f"\nmedians of {args.repeats}\n{HEADING}")
    for size, of_size in costs.items():
        for key, cost in of_size.items():
            print(f"{size:>10}  {key:16}  {cost.text(size)}")
    for few, many in pairwise(sizes):
        more = (costs[many]["rules"].wall_s - costs[few]["rules"].wall_s) / (many - few) * 1e6
        print(f"rules: {more:.3f} us for each row more, from {few} to {many}; the rest is start-up")
    largest, ratios = costs[sizes[-1]], {}
    for name in PEERS:
        ours, theirs = largest["rules"], largest[name]
        ratios[name] = round(theirs.wall_s / ours.wall_s, 3)
        in_processor_time = theirs.processor_s / ours.processor_s
        print(f"{name} takes {ratios[name]:.2f} times as long ({in_processor_time:.2f} in processor time)")
    result = {
        "conditions": f"{NUM_CORES} cores",
        "versions": {package: version(package) for package in ("pandas", "pyarrow", "numpy")}
        | {"python": platform.python_version()},
        "command": f"python benchmarks/ohms.py --rows {args.rows} --repeats {args.repeats}",
        "rows": [row for size, of_size in costs.items() for row in rows_of(size, of_size)],
        "ratios": ratios,
    }
    record("ohms", result)


if __name__ == "__main__":
    main()
