"""The linear probe: time and memory of its metrics, several rates at once, cached views, and whether its intervals hold.

Writes benchmarks/results/probe.json. Metrics: drawn scores of 125,000 images and 600 classes. Rates and views: drawn scenes of
presets/drawn_methods.yaml and its supervised trunk, both shortened.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
import yaml
from first_run_parts.recorded import versions
from results_parts.record import record

from objectcrop.evaluate.average_precision import macro_map
from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.measure import ScoredImages, contributions, intervals_of, measure
from objectcrop.evaluate.linear.probe import evaluate_linear
from objectcrop.networks.weights import load_backbone
from objectcrop.runtime.randomness import Seeds, generator
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.tasks import LinearTask
from objectcrop.tables import ANNOTATIONS, MANIFEST, read_table

ROOT = Path(__file__).resolve().parents[1]
PRESET, DATASET, RUN = ROOT / "presets/drawn_methods.yaml", "near", "supervised"
FILES = (f"results/images/{DATASET}/manifest.parquet", f"results/annotations/{DATASET}.parquet")
WEIGHTS = f"results/pretrain/{RUN}/s0/backbone.safetensors"
NUM_IMAGES, NUM_CLASSES = 125_000, 600
RATES = (300.0, 100.0, 30.0, 10.0, 3.0)
NUM_SIMULATIONS = 400
REPEATS = 3
Row = dict[str, Any]
Draw = tuple[Any, Any, Any]
"""Scores of two layers and labels, NumPy arrays."""


def measure_drawn_scores() -> None:
    """Draw scores and measure them; print seconds, processor seconds and the peak of memory in GiB."""
    rng = generator(0, "benchmark-scores")
    prevalence = np.minimum(0.5, 0.9 / np.arange(1, NUM_CLASSES + 1))  # Zipf's, 5.9 classes an image
    scores = np.empty((NUM_IMAGES, NUM_CLASSES), dtype=np.float32)
    shown = np.empty((NUM_IMAGES, NUM_CLASSES), dtype=np.uint8)
    for start in range(0, NUM_IMAGES, 5000):
        rows, shape = slice(start, start + 5000), (5000, NUM_CLASSES)
        labels = rng.random(shape, dtype=np.float32) < prevalence
        shown[rows] = labels * rng.integers(1, 4, shape, dtype=np.uint8)
        scores[rows] = rng.standard_normal(shape, dtype=np.float32) + 1.5 * labels
    test = ScoredImages(tuple(map(str, range(NUM_IMAGES))), tuple(map(str, range(NUM_CLASSES))), scores, shown, False)
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    measure(test)
    cost = time.monotonic() - start_s, time.process_time() - start_cpu_s
    print(json.dumps([*cost, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))


def metrics() -> Iterator[Row]:
    """Measure in a process of its own, so that the peak of memory is that of the metrics."""
    words = [sys.executable, __file__, "--metrics-only"]
    runs = [
        json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout) for _ in range(REPEATS)
    ]
    for name, unit, values in zip(
        (f"shortest wall-clock time of {REPEATS}", "processor time", "peak of memory, scores included"),
        ("s", "s", "GiB"),
        zip(*runs, strict=True),
        strict=True,
    ):
        yield {"name": f"all metrics of 125,000 images x 600 classes, {name}", "value": min(values), "unit": unit}


class Scenes:
    """Drawn scenes and a trunk; evaluates it by tasks that differ in a few settings."""

    def __init__(self, folder: Path, num_train: int) -> None:
        overlay = folder / "overlay.yaml"
        changes = {
            "datasets": {DATASET: {"num_train": num_train, "num_test": 800}},
            "runs": {RUN: {"optimizer": {"epochs": 6}}},
        }
        overlay.write_text(yaml.safe_dump(changes))
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "all", "--snakefile", str(ROOT / "Snakefile")]
        target = ["--directory", str(folder), "--configfile", str(PRESET), str(overlay), "--", *FILES, WEIGHTS]
        subprocess.run([*snakemake, *target], check=True, capture_output=True)
        plan = load_plan(yaml.safe_load(PRESET.read_text(encoding="utf-8")))
        self.task, self.backbone = plan.study.tasks["linear"], plan.study.runs[RUN].backbone
        self.weights = folder / WEIGHTS
        tables = read_table(folder / FILES[0], MANIFEST), read_table(folder / FILES[1], ANNOTATIONS)
        self.data = Data.of(*tables, folder / plan.study.data)

    def evaluate(self, seed: int, **changes: Any) -> tuple[float, float, float]:
        """Return mAP, the learning rate that was taken, and processor seconds."""
        backbone = load_backbone(self.weights, self.backbone)
        task = LinearTask.model_validate(self.task.model_dump() | changes)
        start = time.process_time()
        done = evaluate_linear(backbone, self.data, task, Seeds(0, seed), device=torch.device("cpu")).results["metrics"]
        return done["map"], done["learning_rate"], time.process_time() - start


def rates(scenes: Scenes) -> tuple[list[Row], dict[str, float]]:
    """Train layers of all rates at once, and one after the other."""
    times: list[tuple[float, float]] = []
    for _ in range(REPEATS):
        together, rate, seconds = scenes.evaluate(0, learning_rates=RATES, cached_views=1)
        alone = {one: scenes.evaluate(0, learning_rates=(one,), cached_views=1) for one in RATES}
        times.append((seconds, sum(own for _, _, own in alone.values())))
    together_s, alone_s = (median(values) for values in zip(*times, strict=True))
    rows: list[Row] = [
        {"name": "5 rates at once, and a choice among them, processor time", "value": together_s, "unit": "s"},
        {"name": "5 rates one at a time, processor time", "value": alone_s, "unit": "s"},
        {"name": f"the rate that was chosen, {rate:g}, at once", "value": together, "unit": "mAP"},
        {"name": f"the rate that was chosen, {rate:g}, alone", "value": alone[rate][0], "unit": "mAP"},
    ]
    rows += [{"name": f"rate {one:g} alone", "value": value, "unit": "mAP"} for one, (value, _, _) in alone.items()]
    return rows, {"one_rate_at_a_time": alone_s / together_s}


def cached_views(scenes: Scenes, num_seeds: int) -> Iterator[Row]:
    """Train layers on fixed views of each image, and on fresh ones in each epoch."""
    means = {}
    for count in (1, 4, None):
        name = "fresh views" if count is None else f"{count} cached view(s)"
        results = [scenes.evaluate(seed, learning_rates=(30.0,), cached_views=count) for seed in range(num_seeds)]
        for seed, (value, _, _) in enumerate(results):
            yield {"name": f"{name}, seed {seed}", "value": value, "unit": "mAP"}
        means[name] = fmean(value for value, _, _ in results)
        yield {"name": f"{name}, processor time", "value": fmean(seconds for _, _, seconds in results), "unit": "s"}
    for name, mean in means.items():
        if name != "fresh views":
            yield {"name": f"{name} minus fresh views, mean", "value": mean - means["fresh views"], "unit": "mAP"}


def drawn_pair(rng: np.random.Generator, num_images: int) -> Draw:
    """Scores of two layers that find the same images hard, and labels, shape (images, 5)."""
    labels = rng.random((num_images, 5)) < np.linspace(0.1, 0.4, 5)
    first = 0.7 * rng.normal(size=(num_images, 1)) + rng.normal(size=labels.shape) + 1.5 * labels
    return first, first + rng.normal(size=first.shape, scale=0.3) + 0.3 * labels, labels


def coverage() -> Iterator[Row]:
    """Count how often 95 % intervals of 400 drawn images hold the metric of very many."""
    rng = generator(0, "benchmark-coverage")
    many = drawn_pair(rng, 200_000)
    first, second = (100 * macro_map(scores, many[2]) for scores in many[:2])
    truth = {"mAP": first, "paired difference": second - first}
    held = dict.fromkeys(truth, 0)
    for _ in range(NUM_SIMULATIONS):
        *both, labels = drawn_pair(rng, 400)
        ids = tuple(map(str, range(400))), tuple("abcde")
        one, other = (
            contributions(ScoredImages(*ids, scores.astype(np.float32), labels.astype(np.uint8), False))["map"]
            for scores in both
        )
        for name, ends in intervals_of({"mAP": one, "paired difference": other - one}).items():
            held[name] += ends is not None and ends[0] <= truth[name] <= ends[1]
    for name, number in held.items():
        yield {"name": f"intervals of {NUM_SIMULATIONS} that hold the {name}", "value": number, "unit": "times"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-images", type=int, default=1500, help="drawn scenes")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the layer and its views: 0, 1, ...")
    parser.add_argument("--metrics-only", action="store_true", help="time the metrics, and write nothing")
    args = parser.parse_args()
    if args.metrics_only:
        measure_drawn_scores()
        return
    rows = [*metrics(), *coverage()]
    with tempfile.TemporaryDirectory() as name:
        scenes = Scenes(Path(name), args.train_images)
        of_rates, ratios = rates(scenes)
        rows += [*of_rates, *cached_views(scenes, args.seeds)]
    result = {
        "versions": versions(),
        "command": f"python benchmarks/probe.py --train-images {args.train_images} --seeds {args.seeds}",
        "rows": rows,
        "ratios": ratios,
    }
    for row in rows:
        print(f"{row['name']:70} {row['value']:8.2f} {row['unit']}")
    record("probe", result)


if __name__ == "__main__":
    main()
