"""The stages of the demo that run networks, each as one step that can be timed in either precision."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import yaml

from objectcrop.evaluate.linear.features import Extractor
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.proposals.trunk import Trunk
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import StopRequest
from objectcrop.ssl.methods.method import Setup
from objectcrop.ssl.methods.registry import build_method
from objectcrop.ssl.training.optimizer import build_optimizer
from objectcrop.study.plan.plan import Plan, load_plan
from objectcrop.study.settings.proposals import LodProposals
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.tasks import DetectorTask, LinearTask, SegmenterTask
from objectcrop.tables import MANIFEST, read_table
from objectcrop.views.batches import LabelledBatch, PairBatch

CALIBRATION = "calibration"
ALONE = World(0, 1, torch.device("cpu"))
FEATURES_BATCH = 64
SHORT, LONG = 2, 4
"""Iterations of two fine-tunings whose difference is that of iterations alone."""


class Stage(NamedTuple):
    """One stage: how many steps the demo takes, and the seconds of one in a precision."""

    name: str
    num_steps: int
    seconds: Callable[[str], float]


def network_stages(config: Path, folder: Path) -> list[Stage]:
    """Stages of a study that was run in `folder`."""
    torch.set_num_threads(1)
    plan = load_plan(yaml.safe_load(config.read_text(encoding="utf-8")))
    stages = [_pretraining(plan, name, folder) for name in plan.results.trained_runs()]
    stages += [
        _lod(plan, name, folder) for name, source in plan.study.proposals.items() if isinstance(source, LodProposals)
    ]
    for name, task in plan.study.tasks.items():
        judged = {run for table in plan.study.tables for run, used in plan.results.cells(table) if used == name}
        make = _linear if isinstance(task, LinearTask) else _fine_tuning
        stages.append(make(plan, name, folder, len(judged)))
    return stages


def _num_images(plan: Plan, dataset: str, folder: Path, split: str) -> int:
    manifest = read_table(folder / plan.images.manifest(dataset), MANIFEST)
    return int((manifest["split"] == split).sum())


def _images(count: int, side_px: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, side_px, side_px, 3), dtype=torch.uint8)


def _timed(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _in(run: Run, precision: str) -> Run:
    return run.model_copy(update={"optimizer": run.optimizer.model_copy(update={"precision": precision})})


def _pretraining(plan: Plan, name: str, folder: Path) -> Stage:
    run = plan.study.runs[name]
    batch, size = run.optimizer.global_batch_size, run.views.size_px
    num_images = _num_images(plan, run.dataset, folder, "train")
    rows = torch.arange(batch)

    def seconds(precision: str) -> float:
        configured = _in(run, precision)
        with seeded_weights(0):
            labels = torch.randint(0, 2, (batch, 12))
            method = build_method(Setup(configured, Seeds(0, 0), ALONE, num_images, labels))
            if run.method == "supervised":
                inputs = LabelledBatch(_images(batch, size), labels, rows)
            else:
                cells = torch.randint(0, 2, (batch, run.losses.patches, run.losses.patches))
                rotation, tags = torch.randint(0, 4, (batch,)), torch.zeros(batch, dtype=torch.long)
                inputs = PairBatch(
                    *(_images(batch, size) for _ in range(2)),
                    tags,
                    1 - tags,
                    rotation,
                    _images(batch, size),
                    cells,
                    rows,
                )
        optimizer = build_optimizer(method.train().parameters(), run.optimizer)

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            method.step_losses(inputs, 0).total.backward()
            optimizer.step()
            method.after_step(0, 1)

        return _timed(step)

    return Stage(f"pretrain {name}", num_images // batch * run.optimizer.epochs, seconds)


def _linear(plan: Plan, name: str, folder: Path, num_runs: int) -> Stage:
    task = plan.study.tasks[name]
    assert isinstance(task, LinearTask)
    train, test = (_num_images(plan, task.dataset, folder, split) for split in ("train", "test"))
    backbone = build_backbone(next(iter(plan.study.runs.values())).backbone)
    images = _images(FEATURES_BATCH, task.size_px)
    num_images = train * (task.cached_views or task.epochs) + test + round(task.held_out_share * train)

    def seconds(precision: str) -> float:
        extractor = Extractor(backbone, ALONE, 0, precision)
        return _timed(lambda: extractor.features(images))

    return Stage(f"features of {name}", num_runs * num_images // FEATURES_BATCH, seconds)


def _lod(plan: Plan, name: str, folder: Path) -> Stage:
    source = plan.study.proposals[name]
    assert isinstance(source, LodProposals)
    run = plan.study.runs[str(source.features_run)]
    backbone = build_backbone(run.backbone).eval()
    image = np.random.default_rng(0).integers(0, 256, (192, 256, 3), dtype=np.uint8)

    def seconds(precision: str) -> float:
        trunk = Trunk(backbone, source.layers, source.descriptor_layer, precision=precision)
        return _timed(lambda: (trunk.maps(image), trunk.descriptor(image, source.descriptor_size_px)))

    return Stage(f"trunk of {name}", _num_images(plan, run.dataset, folder, "train"), seconds)


def _fine_tuning(plan: Plan, name: str, folder: Path, num_runs: int) -> Stage:
    task = plan.study.tasks[name]
    assert isinstance(task, (DetectorTask, SegmenterTask))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        from objectcrop.evaluate.detection.fine_tune import fine_tune
        from objectcrop.evaluate.detection.request import FineTuning
    run = next(run for table in plan.study.tables for run, used in plan.results.cells(table) if used == name)
    weights = folder / f"results/export/{run}/s0/backbone_d2.pkl"
    dataset = plan.study.datasets[task.dataset]
    attempts = iter(range(1_000_000))

    def whole(precision: str, iterations: int) -> float:
        changes = {"max_iterations": iterations, "decay_iterations": (1,), "precision": precision, "max_test_images": 1}
        short = task.model_copy(update={"schedule": task.schedule.model_copy(update=changes)})
        place, trunk = folder / f"fine-tuning-{name}-{next(attempts)}", plan.study.runs[run].backbone
        job = FineTuning(name, short, trunk, task.dataset, dataset, folder / plan.study.data, weights, place, seed=0)
        return _timed(lambda: fine_tune(job, StopRequest()))

    def seconds(precision: str) -> float:
        return (whole(precision, LONG) - whole(precision, SHORT)) / (LONG - SHORT)

    return Stage(f"iterations of {name}", num_runs * task.schedule.max_iterations, seconds)
