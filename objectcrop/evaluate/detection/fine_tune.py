"""Fine-tune a detector on top of a pretrained trunk through Detectron2, and measure it."""

import contextlib
import io
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.data import DatasetCatalog, DatasetMapper, build_detection_test_loader, build_detection_train_loader
from detectron2.engine.defaults import create_ddp_model
from detectron2.modeling import build_model
from detectron2.solver import build_lr_scheduler, build_optimizer
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import EventStorage
from fvcore.nn.precise_bn import get_bn_modules, update_bn_stats

from objectcrop.evaluate.detection import parts as detection_parts  # noqa: F401 - registers trunks and head by being imported
from objectcrop.evaluate.detection.config import detection_config, effective_norm
from objectcrop.evaluate.detection.data import register_coco, register_voc
from objectcrop.evaluate.detection.metrics import InstanceEvaluator, VocEvaluator
from objectcrop.evaluate.detection.request import FineTuning
from objectcrop.evaluate.detection.state import report_unused_states
from objectcrop.evaluate.detection.weights import read_detectron2, unused_weights
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.precision import autocast, describe_precision, resolve_precision
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import Stopped, StopRequest, stop_requests
from objectcrop.study.settings.tasks import DetectorTask

SAVE_EVERY_S = 600.0
RESUME_STRIDE = 7919  # any prime larger than the number of processes


def fine_tune_alone(job: FineTuning) -> dict[str, Any] | None:
    """Fine-tune in all processes that torchrun has started, while no other command does so in the same folder of states.

    Returns:
        What `fine_tune` returns; None in all processes but the first.

    Raises:
        Stopped: after saving, when a signal asked for it.
        ValueError: if a loss is not finite, or another command holds the folder.
    """
    with joined_processes(job.num_processes) as is_first, stop_requests() as stop:
        if not is_first:
            fine_tune(job, stop)
            return None
        with run_lock(job.checkpoints.parent / "lock"):
            report_unused_states(job.checkpoints, job.label)
            return fine_tune(job, stop)


def fine_tune(job: FineTuning, stop: StopRequest) -> dict[str, Any]:
    """Train from the last checkpoint if there is one, else from the pretrained weights, and evaluate.

    Returns:
        `metrics` and `per_class` in percent, `details` (the norm in force, how many images were measured, a detector's VOC
        metric), and the `precision` that the networks computed in; empty in all processes but the first.

    Raises:
        Stopped: after saving, if a stop was asked for.
        ValueError: if a loss is not finite, naming the iteration and the images.
    """
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    precision, device = job.task.schedule.precision, torch.device(job.device)
    if comm.is_main_process():
        print(f"{job.label}: {describe_precision(precision, device)}", file=sys.stderr, flush=True)
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
        with _quiet():
            images = DatasetCatalog.get(data.test)[: job.task.schedule.max_test_images]
        evaluator: Any = (
            VocEvaluator(data.test, images, job.task.voc_metric)
            if isinstance(job.task, DetectorTask)
            else InstanceEvaluator(data.test, images, job.num_processes, job.checkpoints)
        )
        with autocast(precision, device):
            results: dict[str, Any] = _evaluate(cfg, model, evaluator, images, job.label, stop)
    details = {"norm": effective_norm(job.task.schedule.norm, job.num_processes), "num_test": len(images)}
    if isinstance(job.task, DetectorTask):
        details["voc_metric"] = job.task.voc_metric
    return results | {"details": details, "precision": resolve_precision(precision, device)} if results else {}


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
        checkpointer = DetectionCheckpointer(model, str(job.checkpoints), optimizer=optimizer, scheduler=scheduler)
        start = checkpointer.resume_or_load(cfg.MODEL.WEIGHTS, resume=True).get("iteration", -1) + 1
        if start == 0:
            _assert_all_used(model, job.weights)
        else:
            seed_all_rng(job.seed + comm.get_rank() + RESUME_STRIDE * start)  # not the first images again
        loader = build_detection_train_loader(cfg)
    precision, device = job.task.schedule.precision, torch.device(job.device)
    parallel = create_ddp_model(model, broadcast_buffers=False)
    parallel.train()
    total, last_save = cfg.SOLVER.MAX_ITER, time.monotonic()
    num_saved = int(checkpointer.has_checkpoint() and checkpointer.get_checkpoint_file().endswith("state-0.pth"))
    progress = Progress(f"{job.label}, training", total=total, unit="iterations", done=start)
    batches = iter(loader)
    with progress, EventStorage(start):
        for iteration in range(start, total):
            batch = next(batches)
            # entered for each forward pass: it keeps narrow copies of weights, which the optimizer's step makes stale
            with autocast(precision, device):
                loss = _finite_loss(parallel, batch, f"{job.label}: iteration {iteration}")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            scheduler.step()
            progress.advance(1, loss=float(loss.detach()))
            is_asked_to_stop = _is_asked(stop)
            if is_asked_to_stop or time.monotonic() - last_save >= SAVE_EVERY_S:
                # two files alternate: the other one stays whole if this one is cut off
                checkpointer.save(f"state-{num_saved % 2}", iteration=iteration)
                num_saved += 1
                last_save = time.monotonic()
            if is_asked_to_stop:
                print(
                    f"{job.label}: stopped after iteration {iteration}, state saved; start it again to resume",
                    flush=True,
                )
                raise Stopped(stop.exit_code)
        num_precise = job.task.schedule.precise_batch_norm_iterations
        if start < total:
            if num_precise and get_bn_modules(model):
                with autocast(precision, device):
                    update_bn_stats(model, batches, num_precise)
            checkpointer.save(f"state-{num_saved % 2}", iteration=total - 1)  # testing can take long too
    return model


def _is_asked(stop: StopRequest) -> bool:
    """Return whether any process was asked to stop: all must leave at the same iteration."""
    if comm.get_world_size() == 1:
        return bool(stop)
    flag = torch.tensor(float(bool(stop)), device="cuda")
    torch.distributed.all_reduce(flag)
    return flag.item() > 0


def _finite_loss(model: torch.nn.Module, batch: list[dict[str, Any]], where: str) -> torch.Tensor:
    names = ", ".join(str(image["image_id"]) for image in batch)
    diverged = f"{where}: the loss is not finite (images {names}); lower schedule.learning_rate or lengthen the warm-up"
    try:
        loss: torch.Tensor = sum(model(batch).values())
    except FloatingPointError as error:  # how Detectron2 says that its proposals are not finite
        raise ValueError(diverged) from error
    if not bool(torch.isfinite(loss)):
        raise ValueError(diverged)
    return loss


def _assert_all_used(model: torch.nn.Module, weights: Path) -> None:
    state = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    if unused := unused_weights(state, read_detectron2(weights)):
        raise ValueError(
            f"{weights}: {len(unused)} tensor(s) have no place in the detector, first {unused[0]!r}: the file is of another "
            "arch or width than the run's backbone; run export_backbone again"
        )


@torch.no_grad()
def _evaluate(
    cfg: Any, model: torch.nn.Module, evaluator: Any, images: list[dict[str, Any]], label: str, stop: StopRequest
) -> dict[str, Any]:
    model.eval()
    mapper, workers = DatasetMapper(cfg, is_train=False), cfg.DATALOADER.NUM_WORKERS
    with _quiet():
        loader = build_detection_test_loader(images, mapper=mapper, num_workers=workers)
    evaluator.reset()
    with Progress(f"{label}, testing", total=len(loader), unit="images") as progress:
        for inputs in loader:
            evaluator.process(inputs, model(inputs))
            progress.advance(len(inputs))
            if stop:
                raise Stopped(stop.exit_code)  # the trained state is saved
    with _quiet():
        results: dict[str, Any] = evaluator.evaluate()
    return results


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
