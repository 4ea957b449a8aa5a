"""Runs as rules leave them in a folder of results: summaries, results, scores, metrics of a training, records."""

import json
import os
from pathlib import Path

import numpy as np

from objectcrop.evaluate.linear.measure import ScoredImages, measure
from objectcrop.evaluate.linear.scores import write_scores
from objectcrop.identity.lineage import write_lineage
from objectcrop.runtime.atomic import write_json
from tests.report.page.small_report import made

CLASSES = [f"/m/{number}" for number in range(4)]
DEVICE = {"kind": "cuda", "name": "NVIDIA H200", "num_gpus": 2}


def run_settings(size_px=96, epochs=4):
    return {"method": "moco_v2", "views": {"size_px": size_px}, "optimizer": {"epochs": epochs}}


def scored(noise, images=200, seed=5):
    """Scores of the same test images with more or less noise."""
    rng = np.random.default_rng(seed)
    labels = rng.random((images, len(CLASSES))) < 0.3
    values = labels + noise * np.random.default_rng(9).normal(size=labels.shape)
    return ScoredImages([f"i{number}" for number in range(images)], CLASSES, values.astype(np.float32), labels, False)


def write_run(folder, run, seed=0, noise=1.0, seconds=10.0, device=DEVICE, results=True, **settings):
    """Write a training that ended, and its linear evaluation; `folder` is named results and stands in the working folder."""
    job = {"run_name": run, "run": run_settings(**settings), "study_seed": 0}
    trained, judged = Path(f"results/pretrain/{run}/s{seed}"), Path(f"results/eval/{run}/s{seed}")
    assert folder == Path("results")
    provenance = {"commit": "abc1234", "device": device} if device else {"commit": "abc1234"}
    summary = {"run": run, "seed": seed, "study_seed": 0, "recipe": 2, "features": "label-free", "sha256": "0" * 64}
    summary |= {"settings": job["run"], "settings_hash": "h", "precision": "float32", "provenance": provenance}
    write_json(trained / "summary.json", summary | {"cost": {"seconds": seconds}})
    (trained / "backbone.safetensors").write_text(f"weights of seed {seed}, {settings}")
    made("pretrain", [trained / "backbone.safetensors", trained / "summary.json"], settings=job, seed=seed)
    if not results:
        return
    scores, task = scored(noise), job | {"task_name": "linear", "task": {"kind": "linear", "epochs": 30}}
    measured = measure(scores)._asdict()
    write_scores(judged.joinpath("linear.scores.npz"), scores)
    result = {"run": run, "task": "linear", "seed": seed, "settings": {"run": job["run"], "task": task["task"]}}
    result |= {"settings_hash": "h", "precision": {"pretraining": "float32", "evaluation": "float32"}, **measured}
    result["metrics"] = {**measured["metrics"], "learning_rate": 10.0}
    write_json(judged / "linear.json", result | {"cost": {"seconds": 5.0}, "provenance": provenance})
    made("evaluate_linear", [judged / "linear.json"], settings=task, seed=seed)


def write_log(run, seed=0, steps=(10, 20), epoch=2.0, lines=""):
    """Write what a training logs on its way, 100 images a second and a hundred images a step."""
    folder = Path(f"results/pretrain/{run}/s{seed}/checkpoints")
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "step": step,
            "epoch": epoch * step / steps[-1],
            "images_seen": 100 * step,
            "seconds": float(step),
            "loss": 2.0,
        }
        for step in steps
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + lines)
    return folder


def plan(runs, seeds=(0,), tasks=("linear",), **settings):
    """Write what a study plans of its runs, under the code that `made` records."""
    files = {"results/tables/small.json": ("render_table", {"table_name": "small", "seeds": list(seeds)})}
    for run in runs:
        job = {"run_name": run, "run": run_settings(**settings), "study_seed": 0}
        files[f"results/pretrain/{run}/s{{seed}}/summary.json"] = "pretrain", job
        for task in tasks:
            judged = job | {"task_name": task, "task": {"kind": "linear", "epochs": 30}}
            files[f"results/eval/{run}/s{{seed}}/{task}.json"] = "evaluate_linear", judged
    rules = {rule for rule, _ in files.values()}
    path = write_lineage("results/lineage", files, dict.fromkeys(rules, "0123456789ab"))
    os.utime(path)
    return path
