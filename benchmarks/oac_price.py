"""What each reading of OAC's extra losses costs beside MoCo-v2: operations of a pair, and the time of a step.

Operations are counted by PyTorch on the meta device: ResNet-50, 224 pixels, a queue of 65,536, forward and backward; half of
the queries are object views. Times are of a ResNet-18 of a quarter of the width on one core, by processor time, each beside
MoCo-v2's in the same round. Mean average precision is of trainings: `--table` takes it from theirs. Prints a table and writes
benchmarks/results/oac_price.json.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from results_parts.record import RESULTS, record
from step_parts.readings import BOTH, PATCHES, READINGS, noise_batch
from torch.utils.flop_counter import FlopCounterMode

from objectcrop.networks.backbones import seeded_weights
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods.method import Setup
from objectcrop.ssl.methods.moco_v2 import MocoV2
from objectcrop.ssl.training.optimizer import build_optimizer
from objectcrop.study.settings.runs import Run

ROOT = Path(__file__).resolve().parents[1]
META, CPU = torch.device("meta"), torch.device("cpu")
PAIRS = 4
LOSSES: dict[str, dict[str, Any]] = {"rotation": {"rotation": 1.0}, "localization": {"localization": 1.0}, "both": BOTH}
FEW_TIMES = 5
TRAINED = {
    "obj-dilate": "MoCo-v2",
    "oac-literal": "both: literal",
    "oac-key-encoder": "both: rotated view, key encoder",
    "oac-small-whole": "both: rotated view, key encoder, half the side",
}
"""Readings by the runs of presets/oac_readings.yaml that train them."""


def readings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the losses of everything that is compared; what has no effect on a loss is left out."""
    yield "MoCo-v2", {}
    for loss, weights in LOSSES.items():
        for reading, settings in READINGS.items():
            has_effect = ("rotate_contrastive" not in settings or "rotation" in weights) and (
                "whole_size_px" not in settings or "localization" in weights
            )
            if has_effect:
                yield f"{loss}: {reading}", {**weights, **settings}


def run_of(losses: dict[str, Any], *, is_small: bool) -> Run:
    """Return MoCo-v2 with object pairs; small for a clock, else as the paper trains it."""
    side = 64 if is_small else 224
    if "whole_size_px" in losses:
        losses = {**losses, "whole_size_px": side // 2}
    return Run.model_validate(
        {
            "dataset": "none",
            "backbone": {"arch": "resnet18", "width": 0.25} if is_small else {"arch": "resnet50"},
            "views": {"size_px": side, "regions": ["object", "dilated_object"], "proposals": "any"},
            "moco": {"heads": "per_view", "batch_norm_group": 16, "queue_length": 4096 if is_small else 65_536},
            "losses": {**losses, "patches": PATCHES},
            "optimizer": {"precision": "float32"},
        }
    )


def method_of(run: Run, device: torch.device) -> MocoV2:
    """Return MoCo-v2 on a device, with fresh weights."""
    with seeded_weights(0), device:
        return MocoV2(Setup(run, Seeds(0, 0), World(0, 1, device), num_samples=PAIRS)).train()


def gflop_a_pair(losses: dict[str, Any]) -> float:
    """Count a step's operations, two for a multiplication and an addition."""
    run = run_of(losses, is_small=False)
    method, batch = method_of(run, META), noise_batch(run, PAIRS, META)
    with FlopCounterMode(display=False) as counter:
        method.step_losses(batch, 0).total.backward()
    return counter.get_total_flops() / PAIRS / 1e9


def step_of(losses: dict[str, Any], count: int) -> Callable[[], float]:
    """Return what takes a step and the seconds of the processor that it took."""
    run = run_of(losses, is_small=True)
    method, batch = method_of(run, CPU), noise_batch(run, count, CPU)
    optimizer = build_optimizer(method.parameters(), run.optimizer)

    def step() -> float:
        start = time.process_time()
        optimizer.zero_grad(set_to_none=True)
        method.step_losses(batch, 0).total.backward()
        optimizer.step()
        method.after_step(0, 1)
        return time.process_time() - start

    return step


def ratios(names: dict[str, dict[str, Any]], repeats: int, count: int) -> dict[str, float]:
    """Return the median over rounds of a step's time over MoCo-v2's of the round."""
    steps = {name: step_of(losses, count) for name, losses in names.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(-1, repeats):
        for name, step in steps.items():
            seconds = step()
            if repeat >= 0:  # the first ones warm up
                times[name].append(seconds)
    return {
        name: statistics.median(own / first for own, first in zip(times[name], times["MoCo-v2"], strict=True))
        for name in steps
    }


def add_trained(table: Path) -> None:
    """Set the mean average precisions in the results of an earlier run to those of a table of presets/oac_readings.yaml."""
    cells = [
        cell for row in json.loads(table.read_text())["rows"] for cell in row["cells"] if not cell["is_difference"]
    ]
    trained = {
        f"{TRAINED[cell['run']]}, mAP": cell for cell in cells if cell["metric"] == "map" and cell["run"] in TRAINED
    }
    if missing := {f"{name}, mAP" for name in TRAINED.values()} - trained.keys():
        raise SystemExit(
            f"{table}: has no {', '.join(sorted(missing))}; it is not the table of presets/oac_readings.yaml"
        )
    path = RESULTS / "oac_price.json"
    result = json.loads(path.read_text())
    for row in result["rows"]:
        if row["name"] in trained:
            row["value"] = round(trained[row["name"]]["mean"], 1)
    path.write_text(json.dumps(result | {"trained": trained}, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=FEW_TIMES, help="steps of each, in turn")
    parser.add_argument("--pairs", type=int, default=32, help="pairs of a step that is timed")
    parser.add_argument("--table", type=Path, help="results/tables/oac-readings.json: add its mAP, and measure nothing")
    args = parser.parse_args()
    if args.table is not None:
        add_trained(args.table)
        return
    torch.set_num_threads(1)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    names = dict(readings())
    flops, times = (
        {name: gflop_a_pair(losses) for name, losses in names.items()},
        ratios(names, args.repeats, args.pairs),
    )
    rows: list[dict[str, Any]] = []
    for name in names:
        print(f"{name:55}{flops[name]:8.1f}{times[name]:8.2f}")
        rows += [
            {"name": f"{name}, GFLOP a pair", "value": round(flops[name], 1), "unit": "GFLOP"},
            {"name": f"{name}, step over MoCo-v2", "value": round(times[name], 2), "unit": "ratio"},
            {"name": f"{name}, mAP", "value": None, "unit": "%"},
        ]
    result = {
        "conditions": "1 core, 1 thread",
        "versions": {"torch": version("torch"), "python": platform.python_version()},
        "command": f"python benchmarks/oac_price.py --repeats {args.repeats} --pairs {args.pairs}",
        "rows": rows,
        "ratios": {},
    }
    record("oac_price", result)


if __name__ == "__main__":
    main()
