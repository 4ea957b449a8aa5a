"""What the extra losses' passes do to the exported trunk: OAC on drawn scenes with and without counting them.

A batch norm that also counts the other, the rotated and the whole image (as until recipe 2) exports other running
statistics, of equal weights. Trains the run `oac` of presets/drawn_methods.yaml, shortened, for each seed in both ways, and
evaluates it linearly. Writes benchmarks/results/running_statistics.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch
import yaml
from first_run_parts.recorded import versions
from results_parts.record import record

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.images import labelled_images, training_classes
from objectcrop.evaluate.linear.probe import evaluate_linear
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import Request, Tables, pretrain
from objectcrop.study.plan.plan import load_plan
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

ROOT = Path(__file__).resolve().parents[1]
PRESET = ROOT / "presets/drawn_methods.yaml"
RUN, DATASET, TASK, SOURCE = "oac", "near", "linear", "gt"
FILES = (f"results/images/{DATASET}/manifest.parquet", f"results/annotations/{DATASET}.parquet")
BOXES = (f"results/proposals/{DATASET}/{SOURCE}.parquet", f"results/proposals/{DATASET}/{SOURCE}.json")
WAYS = {"counted": "extra passes counted (before)", "left out": "extra passes left out (recipe 2)"}


class Outcome(NamedTuple):
    """One training: mAP in percent, how often the statistics moved, and a fingerprint of the trained weights."""

    seed: int
    way: str
    mean_average_precision: float
    num_batches_tracked: int
    weights: float


@contextmanager
def counting(way: str) -> Iterator[None]:
    if way == "left out":
        yield
        return
    with (
        patch("objectcrop.ssl.losses.object_aware.running_statistics_kept", lambda network: nullcontext()),
        patch("objectcrop.ssl.methods.moco_v2.running_statistics_kept", lambda network: nullcontext()),
    ):
        yield


def train(folder: Path, epochs: int, seed: int, way: str) -> Outcome:
    plan = load_plan(yaml.safe_load(PRESET.read_text(encoding="utf-8")))
    run, task = plan.study.runs[RUN], plan.study.tasks[TASK]
    run = run.model_copy(update={"optimizer": run.optimizer.model_copy(update={"epochs": epochs})})
    manifest, annotations = read_table(folder / FILES[0], MANIFEST), read_table(folder / FILES[1], ANNOTATIONS)
    data_root = folder / plan.study.data
    boxes = read_table(folder / BOXES[0], PROPOSALS), json.loads((folder / BOXES[1]).read_text(encoding="utf-8"))
    tables = Tables(manifest, data_root, annotations, *boxes)
    with counting(way):
        trained = pretrain(Request(RUN, run, Seeds(plan.study.seed, seed)), tables, folder / f"{way}-{seed}")
    assert trained is not None
    classes = training_classes(manifest, annotations)
    splits = (labelled_images(manifest, annotations, data_root, split, classes) for split in ("train", "test"))
    state = trained.backbone.state_dict()
    weights = sum(float(value.double().abs().sum()) for name, value in trained.backbone.named_parameters())
    result = evaluate_linear(
        trained.backbone, Data(*splits, tuple(classes)), task, Seeds(plan.study.seed, seed), device=torch.device("cpu")
    )
    return Outcome(seed, way, result.results["metrics"]["map"], int(state["bn1.num_batches_tracked"]), weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ...")
    parser.add_argument("--epochs", type=int, default=6, help="passes over the scenes")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "all", "--snakefile", str(ROOT / "Snakefile")]
        target = ["--directory", name, "--configfile", str(PRESET), "--", *FILES, *BOXES]
        subprocess.run([*snakemake, *target], check=True, capture_output=True)
        with ProcessPoolExecutor(args.processes) as pool:
            jobs = [
                pool.submit(train, Path(name), args.epochs, seed, way) for seed in range(args.seeds) for way in WAYS
            ]
            outcomes = [job.result() for job in jobs]
    for seed in range(args.seeds):
        if len({outcome.weights for outcome in outcomes if outcome.seed == seed}) != 1:
            raise RuntimeError(f"seed {seed}: the trained weights differ between both ways; they should not")
    result = {
        "versions": versions(),
        "command": f"python benchmarks/running_statistics.py --seeds {args.seeds} --epochs {args.epochs}",
        "rows": [
            {"name": f"{outcome.way}, seed {outcome.seed}", "value": outcome.mean_average_precision, "unit": "mAP"}
            for outcome in outcomes
        ]
        + [
            {"name": f"updates, {outcome.way}", "value": outcome.num_batches_tracked, "unit": "times"}
            for outcome in outcomes[: len(WAYS)]
        ],
        "ratios": {},
    }
    for row in result["rows"]:
        print(f"{row['name']:24} {row['value']:8.2f} {row['unit']}")
    record("running_statistics", result)


if __name__ == "__main__":
    main()
