"""Fine-tune a detector on top of a pretrained trunk through Detectron2, and measure it."""

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.data import (
    DatasetCatalog,
    DatasetMapper,
    MetadataCatalog,
    build_detection_test_loader,
    build_detection_train_loader,
)
from detectron2.modeling import build_model
from detectron2.solver import build_lr_scheduler, build_optimizer
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from numpy.typing import NDArray

from objectcrop.evaluate.detection import parts as detection_parts  # noqa: F401 - registers trunks and head by being imported
from objectcrop.evaluate.detection.config import detection_config, effective_norm
from objectcrop.evaluate.detection.data import register_coco, register_voc
from objectcrop.evaluate.detection.faster_coco import assert_installed
from objectcrop.evaluate.detection.metrics import InstanceEvaluator, VocEvaluator
from objectcrop.evaluate.detection.repeats import RESULT, joined, repeats_of
from objectcrop.evaluate.detection.request import FineTuning
from objectcrop.evaluate.detection.shown import NUM_IMAGES, shown_image
from objectcrop.evaluate.detection.state import keep_detector, report_unused_states
from objectcrop.evaluate.detection.training import train_detector
from objectcrop.evaluate.detection.training_state import TrainingState
from objectcrop.evaluate.detection.weights import read_detectron2, unused_weights
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.precision import autocast, describe_precision, resolve_precision
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import Stopped, StopRequest, stop_requests
from objectcrop.study.settings.tasks import DetectionSchedule, DetectorTask, SegmenterTask

RESUME_STRIDE = 7919  # any prime larger than the number of processes


def fine_tune_alone(job: FineTuning) -> dict[str, Any] | None:
    """Fine-tune in all processes that torchrun has started, while no other command does so in the same folder of states.

    Of several repeats those that an earlier attempt finished are not made again.

    Returns:
        What `fine_tune` returns, the mean of the repeats; None in all processes but the first.

    Raises:
        Stopped: after saving, when a signal asked for it.
        ValueError: if a loss is not finite, another command holds the folder, or the package of the task's evaluator is missing.
    """
    if isinstance(job.task, SegmenterTask):
        assert_installed(job.task.evaluator, job.label)
    with joined_processes(job.num_processes) as is_first, stop_requests() as stop:
        if not is_first:
            _each(job, stop)
            return None
        with run_lock(job.checkpoints.parent / "lock"):
            report_unused_states(job.checkpoints, job.label)
            return joined(_each(job, stop))


def _each(job: FineTuning, stop: StopRequest) -> list[dict[str, Any]]:
    if len(repeats := repeats_of(job)) == 1:
        return [fine_tune(job, stop)]
    results = []
    for repeat in repeats:
        path = repeat.checkpoints / RESULT
        if path.is_file():
            results.append(read_json(path))
            continue
        results.append(fine_tune(repeat, stop))
        if comm.is_main_process():
            write_json(path, results[-1])
    return results


def fine_tune(job: FineTuning, stop: StopRequest) -> dict[str, Any]:
    """Train from the last checkpoint if there is one, else from the pretrained weights, and evaluate.

    Returns:
        `metrics` and `per_class` in percent, `shown` (what was found in some test images, see `shown_image`), `details` (the
        norm in force, how many images were measured, a detector's VOC metric, the learning rate at its batch size), and the
        `precision` that the networks computed in; empty in all processes but the first.

    Raises:
        Stopped: after saving, if a stop was asked for.
        ValueError: if a loss is not finite, naming the iteration and the images.
    """
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    precision, device = job.task.schedule.precision, torch.device(job.device)
    if comm.is_main_process():
        words = f"{describe_precision(precision, device)}; {_describe_learning_rate(job.task.schedule)}"
        print(f"{job.label}: {words}", file=sys.stderr, flush=True)
    register = register_voc if isinstance(job.task, DetectorTask) else register_coco
    with _harmless_warnings_ignored(), _quiet():
        data = register(job.dataset_name, job.dataset, job.data_root)
        cfg = detection_config(
            job.task,
            job.backbone,
            num_classes=len(data.classes),
            train_names=data.train,
            test_name=data.test,
            weights=job.weights,
            folder=job.checkpoints,
            num_processes=job.num_processes,
            device=job.device,
            seed=job.seed,
            num_workers=job.num_workers,
        )
    with _harmless_warnings_ignored():
        model = _train(cfg, job, stop)
        if job.task.keep_detector and comm.is_main_process():
            keep_detector(job.checkpoints, model, cfg)
        with _quiet():
            images = DatasetCatalog.get(data.test)[: job.task.schedule.max_test_images]
        evaluator: Any = (
            VocEvaluator(data.test, images, job.task.voc_metric)
            if isinstance(job.task, DetectorTask)
            else InstanceEvaluator(data.test, images, job.num_processes, job.checkpoints, job.task.evaluator)
        )
        with autocast(precision, device):
            results: dict[str, Any] = _evaluate(cfg, model, evaluator, images, job, stop)
    schedule = job.task.schedule
    details: dict[str, Any] = {
        "norm": effective_norm(schedule.norm, job.num_processes),
        "num_test": len(images),
        "learning_rate": schedule.scaled_learning_rate,
    }
    if isinstance(job.task, DetectorTask):
        details["voc_metric"] = job.task.voc_metric
    return results | {"details": details, "precision": resolve_precision(precision, device)} if results else {}


def _describe_learning_rate(schedule: DetectionSchedule) -> str:
    words = f"learning rate {schedule.scaled_learning_rate:g} at {schedule.images_per_batch} images per step"
    meant_for = schedule.learning_rate_images
    return words if meant_for is None else f"{words} ({schedule.learning_rate:g} at {meant_for}, scaled linearly)"


@contextlib.contextmanager
def joined_processes(gpus: int) -> Iterator[bool]:
    """Join the processes that torchrun has started, if it has; yields whether this is the first."""
    if gpus < 2:
        yield True
        return
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl")
    comm.create_local_process_group(int(os.environ["LOCAL_WORLD_SIZE"]))
    try:
        yield comm.is_main_process()
    finally:
        torch.distributed.destroy_process_group()


def _train(cfg: Any, job: FineTuning, stop: StopRequest) -> torch.nn.Module:
    seed_all_rng(job.seed + comm.get_rank())
    with _quiet():
        model: torch.nn.Module = build_model(cfg)
        optimizer = build_optimizer(cfg, model)
        scheduler = build_lr_scheduler(cfg, optimizer)
        state = TrainingState(job.checkpoints, {"model": model, "optimizer": optimizer, "scheduler": scheduler})
        start = state.resume()
        if start == 0:
            stored = read_detectron2(job.weights)  # first: Detectron2 would run what a pickle asks for
            DetectionCheckpointer(model).load(cfg.MODEL.WEIGHTS)
            _assert_all_used(model, job.weights, stored)
        else:
            seed_all_rng(job.seed + comm.get_rank() + RESUME_STRIDE * start)  # not the first images again
        loader = build_detection_train_loader(cfg)
    train_detector(model, iter(loader), optimizer, scheduler, state, job, start, stop)
    return model


def _assert_all_used(model: torch.nn.Module, weights: Path, stored: Mapping[str, NDArray[Any]]) -> None:
    state = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    if unused := unused_weights(state, stored):
        raise ValueError(
            f"{weights}: {len(unused)} tensor(s) have no place in the detector, first {unused[0]!r}: the file is of another "
            "arch or width than the run's backbone; run export_backbone again"
        )


@torch.no_grad()
def _evaluate(
    cfg: Any, model: torch.nn.Module, evaluator: Any, images: list[dict[str, Any]], job: FineTuning, stop: StopRequest
) -> dict[str, Any]:
    model.eval()
    shown: list[dict[str, Any]] = []
    records = {image["image_id"]: image for image in images if image["annotations"]}
    records = records or {image["image_id"]: image for image in images}
    classes = list(MetadataCatalog.get(cfg.DATASETS.TEST[0]).thing_classes)
    mapper, workers = DatasetMapper(cfg, is_train=False), cfg.DATALOADER.NUM_WORKERS
    with _quiet():
        loader = build_detection_test_loader(images, mapper=mapper, num_workers=workers)
    evaluator.reset()
    with Progress(f"{job.label}, testing", total=len(loader), unit="images") as progress:
        for inputs in loader:
            outputs = model(inputs)
            evaluator.process(inputs, outputs)
            for image, output in zip(inputs, outputs, strict=True):
                if image["image_id"] in records and len(shown) < NUM_IMAGES:
                    shown.append(shown_image(records[image["image_id"]], output["instances"], classes, job.data_root))
            progress.advance(len(inputs))
            if stop:
                raise Stopped(stop.exit_code)  # the trained state is saved
    with _quiet():
        results: dict[str, Any] = evaluator.evaluate()
    return results | {"shown": shown} if results else {}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the tables that Detectron2 and pycocotools print; ours are the results."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _harmless_warnings_ignored() -> Iterator[None]:
    """Ignore the harmless warnings of Detectron2 of 2024 on PyTorch of 2026."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.meshgrid", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*torch.cuda.amp", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*pkg_resources", category=UserWarning)
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*invalid value encountered", category=RuntimeWarning)
        yield
