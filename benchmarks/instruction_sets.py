"""How far the same run differs between processors: with the machine's own kernels, with those of AVX2, in bfloat16.

Trains runs of the tiny study for more epochs, with equal seeds, each in a process of its own, and evaluates them linearly.
AVX2 is asked for by ONEDNN_MAX_CPU_ISA and ATEN_CPU_CAPABILITY. Writes benchmarks/results/instruction_sets.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from first_run_parts.recorded import versions
from results_parts.record import record

from objectcrop.runtime.randomness import Seeds
from objectcrop.study.plan.plan import load_plan
from objectcrop.tables import ANNOTATIONS, MANIFEST, read_table

ROOT = Path(__file__).resolve().parents[1]
STUDY = ("presets/tiny.yaml",)
RUNS, DATASET, TASK = ("supervised", "scene-scene"), "ohms", "linear"
FILES = (f"results/images/{DATASET}/manifest.parquet", f"results/annotations/{DATASET}.parquet")
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
BASE = "own kernels, float32"
WAYS: dict[str, tuple[dict[str, str], str]] = {
    BASE: ({}, "float32"),
    "the same again": ({}, "float32"),
    "AVX2 kernels, float32": (AVX2, "float32"),
    "own kernels, bfloat16": ({}, "bfloat16"),
}
FIRST_STEPS = 5


def one(folder: Path, run_name: str, precision: str, epochs: int, out: Path) -> None:
    """Train and evaluate in this process; losses of the steps, trained weights, and mAP go to `out`."""
    import torch

    from objectcrop.evaluate.linear.data import Data
    from objectcrop.evaluate.linear.probe import evaluate_linear
    from objectcrop.ssl.pretraining import Request, Tables, pretrain
    from objectcrop.ssl.training.checkpoints import read_metrics

    plan = load_plan(merged())
    run, task = plan.study.runs[run_name], plan.study.tasks[TASK]
    optimizer = run.optimizer.model_copy(update={"epochs": epochs, "precision": precision})
    run = run.model_copy(update={"optimizer": optimizer})
    task = task.model_copy(update={"precision": precision})
    manifest, annotations = read_table(folder / FILES[0], MANIFEST), read_table(folder / FILES[1], ANNOTATIONS)
    data_root, states = folder / plan.study.data, out.with_suffix("")
    trained = pretrain(Request(run_name, run, Seeds(0, 0)), Tables(manifest, data_root, annotations), states)
    assert trained is not None
    weights = np.concatenate([value.detach().double().numpy().ravel() for value in trained.backbone.parameters()])
    data = Data.of(manifest, annotations, data_root, "image")
    result = evaluate_linear(trained.backbone, data, task, Seeds(0, 0), device=torch.device("cpu")).results
    losses = [row["loss"] for row in read_metrics(states)]
    np.savez(out, losses=losses, weights=weights, map=result["metrics"]["map"])


def merged() -> dict[str, Any]:
    """Return the tiny study as one mapping, merged as Snakemake merges config files."""
    from snakemake.common.configfile import load_configfile
    from snakemake.utils import update_config

    config: dict[str, Any] = {}
    for name in STUDY:
        update_config(config, load_configfile(str(ROOT / name)))
    return config


def differences(base: Any, other: Any) -> Iterator[tuple[str, float, str]]:
    """Yield name, value and unit of what differs between two trainings."""
    relative = np.abs(other["losses"] - base["losses"]) / np.abs(base["losses"])
    yield f"loss, largest relative difference of the first {FIRST_STEPS} steps", float(relative[:FIRST_STEPS].max()), ""
    yield "loss, relative difference of the last step", float(relative[-1]), ""
    change = np.linalg.norm(other["weights"] - base["weights"]) / np.linalg.norm(base["weights"])
    yield "weights, relative difference", float(change), ""
    yield "mAP, difference", float(other["map"] - base["map"]), "points"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20, help="passes over the scenes")
    parser.add_argument("--one", nargs=4, metavar=("FOLDER", "RUN", "PRECISION", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(Path(args.one[0]), args.one[1], args.one[2], args.epochs, Path(args.one[3]))
        return
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "all", "--snakefile", str(ROOT / "Snakefile")]
        configs = ["--configfile", *(str(ROOT / config) for config in STUDY)]
        subprocess.run([*snakemake, "--directory", name, *configs, "--", *FILES], check=True, capture_output=True)
        for run_name in RUNS:
            outcomes = {}
            for way, (environment, precision) in WAYS.items():
                out = folder / f"{run_name}-{way}.npz"
                own = [sys.executable, __file__, "--epochs", str(args.epochs)]
                own += ["--one", name, run_name, precision, str(out)]
                fixed = {"OMP_NUM_THREADS": "1"} | environment
                subprocess.run(own, env=os.environ | fixed, check=True, capture_output=True)
                outcomes[way] = dict(np.load(out))
            rows.append({"name": f"{run_name}, {BASE}: mAP", "value": float(outcomes[BASE]["map"]), "unit": "%"})
            rows += [
                {"name": f"{run_name}, {way}: {what}", "value": value, "unit": unit}
                for way in list(WAYS)[1:]
                for what, value, unit in differences(outcomes[BASE], outcomes[way])
            ]
    for row in rows:
        print(f"{row['name']:90} {row['value']:10.3g} {row['unit']}")
    command = f"python benchmarks/instruction_sets.py --epochs {args.epochs}"
    result = {"versions": versions(), "command": command, "rows": rows, "ratios": {}}
    record("instruction_sets", result)


if __name__ == "__main__":
    main()
