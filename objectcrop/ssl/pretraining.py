"""One run from settings and tables to a trained backbone and its summary."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from objectcrop.data.flat import BoxLists
from objectcrop.identity.finished import Origin
from objectcrop.networks.backbones import Backbone, build_backbone, seeded_weights
from objectcrop.networks.weights import find_initial, load_external
from objectcrop.runtime.cuda import fast_gpu
from objectcrop.runtime.distributed import World, join_world
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.precision import Computed, agreed_precision, describe_precision
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import StopRequest, stop_requests
from objectcrop.ssl.checks import find_problems, find_warnings
from objectcrop.ssl.methods.method import Method, Setup
from objectcrop.ssl.methods.registry import build_method
from objectcrop.ssl.samples.arrival import warn_of_rejected
from objectcrop.ssl.samples.images import ImageList, boxes_of_images, object_scale_min
from objectcrop.ssl.samples.labelled import LabelledSamples, labels_by_image
from objectcrop.ssl.samples.order import BatchOrder, how_workers_start, load_batches, split_threads
from objectcrop.ssl.samples.pairs import PairSamples, ShuffledSamples
from objectcrop.ssl.step_memory import report_step_memory
from objectcrop.ssl.training.checkpoints import LOCK, read_metrics, set_stale_aside
from objectcrop.ssl.training.compiling import compile_trunks
from objectcrop.ssl.training.identity import training_identity
from objectcrop.ssl.training.loop import KEEPING, Job, Training
from objectcrop.ssl.training.monitors import Monitor
from objectcrop.ssl.training.summary import rejected_per_epoch, summary_of
from objectcrop.study.settings.runs import Run


@dataclass(frozen=True)
class Request:
    """One run of one seed.

    Attributes:
        name: of the run.
        run: its settings.
        seeds: of the study and of the run.
        num_gpus: 0 computes on the CPU.
        num_threads: cores of the job.
        save_every_s: seconds between saves.
        kept_states: saved states that stay.
        peak_teraflops: of the device; 0 if unknown.
        compile_on: where trunks are compiled unasked.
        code: digest of the code: what a finished training of other code wrote is not used again.
    """

    name: str
    run: Run
    seeds: Seeds
    num_gpus: int = 0
    num_threads: int = 1
    save_every_s: float = Job.save_every_s
    kept_states: int = Job.kept_states
    peak_teraflops: float = Job.peak_teraflops
    compile_on: str = KEEPING.compile_on
    code: str = ""


class Tables(NamedTuple):
    """What a run reads.

    Attributes:
        manifest: MANIFEST of its data set; None for a run that is not trained.
        data_root: folder that paths start from.
        annotations: ANNOTATIONS, for a supervised run, or to monitor neighbours.
        proposals: PROPOSALS, for object views.
        proposals_summary: summary of these.
    """

    manifest: pd.DataFrame | None
    data_root: Path
    annotations: pd.DataFrame | None = None
    proposals: pd.DataFrame | None = None
    proposals_summary: Mapping[str, Any] | None = None


class Pretrained(NamedTuple):
    """What comes out, in the first process; others get None instead."""

    backbone: Backbone
    summary: dict[str, Any]


def pretrain(request: Request, tables: Tables, folder: Path) -> Pretrained | None:
    """Train, or build, the backbone of a run; state and metrics go to `folder`, from where a stopped training resumes.

    Raises:
        ValueError: listing what is wrong with the run, before any work.
        Stopped: after saving, when a signal asked for it.
    """
    run = request.run
    if problems := find_problems(run, num_images=1 << 62, world_size=1, has_proposals=tables.proposals is not None):
        raise ValueError(f"run {request.name}: {'; '.join(problems)}")
    if not run.is_trained:
        return _without_training(request, tables)
    with stop_requests() as stop, join_world(request.num_gpus) as world, fast_gpu(world.device):
        if not world.is_first:
            _train(request, tables, folder, world, stop)
            return None
        with run_lock(folder / LOCK):
            return _train(request, tables, folder, world, stop)


def origin_of(request: Request, tables: Tables) -> Origin:
    """Return what a training depends on: settings, seeds and the content of its tables; and its code."""
    content = {"manifest": tables.manifest, "annotations": tables.annotations, "proposals": tables.proposals}
    named = training_identity(request.run, request.seeds, content, tables.proposals_summary, tables.data_root)
    return Origin(named, request.code)


def initial_seed(request: Request) -> int:
    """Seed of the fresh weights: the same for every method, so that runs of a seed start alike."""
    return request.seeds.torch_seed("weights")


def _without_training(request: Request, tables: Tables) -> Pretrained:
    settings = request.run.backbone
    start = time.monotonic()
    if request.run.method == "external":
        backbone = load_external(settings, tables.data_root, where=f"runs.{request.name}.backbone")
        features = "external weights"
    else:
        with seeded_weights(initial_seed(request)):
            backbone = build_backbone(settings)
        features = "label-free"
    seconds = time.monotonic() - start
    return Pretrained(backbone, summary_of(request.name, request.run, request.seeds, features, seconds, []))


def _train(request: Request, tables: Tables, folder: Path, world: World, stop: StopRequest) -> Pretrained:
    run = request.run
    if tables.manifest is None:
        raise ValueError(f"run {request.name}: training needs --manifest")
    images = ImageList.of(tables.manifest, tables.data_root)
    has_proposals, labels = tables.proposals is not None, _labels(request, tables, images)
    samples = _samples(request, tables, images, labels)
    num_samples = len(samples)
    if problems := find_problems(run, num_images=num_samples, world_size=world.size, has_proposals=has_proposals):
        raise ValueError(f"run {request.name}: {'; '.join(problems)}")
    threads, workers = split_threads(max(1, request.num_threads // world.size), request.num_gpus)
    torch.set_num_threads(threads)
    precision = agreed_precision(run.optimizer.precision, world)
    resolved = _computing_in(precision, request)
    method = _method(resolved, tables, num_samples, labels, world)
    origin = origin_of(request, tables)
    job = Job(
        label=f"pretrain {request.name} s{request.seeds.run}",
        settings_hash=origin.state,
        settings=run.optimizer,
        num_samples=num_samples,
        folder=folder,
        seeds=request.seeds,
        precision=precision,
        save_every_s=request.save_every_s,
        kept_states=request.kept_states,
        peak_teraflops=request.peak_teraflops,
        accumulation_steps=run.training.accumulation_steps,
        monitor_every_epochs=run.training.monitor_every_epochs,
    )
    if world.is_first:
        print(f"{job.label}: {describe_precision(run.optimizer.precision, world.device)}", file=sys.stderr, flush=True)
        _warn(request, samples, world)
        report_step_memory(request.name, run, method, world, is_narrow=precision == "bfloat16")
        if aside := set_stale_aside(folder, origin):
            print(f"{job.label}: the checkpoint was of other settings, data or code, moved to {aside}", file=sys.stderr)
    world.wait()
    compiled = compile_trunks(method, world, on_gpu=request.compile_on == "gpu")
    monitor = _monitor(resolved, tables, images, world) if world.is_first else None
    training = Training(method, job, world, monitor)
    training.resume()
    # one process has all rows of the batch anyway
    is_shuffled = run.training.shuffle == "loader" and world.size > 1 and method.shuffles_keys
    loaded = ShuffledSamples(samples) if is_shuffled and isinstance(samples, PairSamples) else samples
    steps = range(training.clock.step, job.total_steps)
    order = BatchOrder(
        num_samples,
        run.optimizer.global_batch_size,
        steps,
        seeds=request.seeds,
        world=world,
        loads_shuffled=isinstance(loaded, ShuffledSamples),
        parts=run.training.accumulation_steps,
    )
    batches = load_batches(loaded, order, workers, world.device, start=how_workers_start(world.device))
    training.run(warn_of_rejected(batches, images.paths, job.label), stop, images.ids)
    training.save()
    backbone = build_backbone(run.backbone)
    backbone.load_state_dict({name: value.cpu() for name, value in method.backbone.state_dict().items()})
    history = read_metrics(folder) if world.is_first else []
    features, seconds = _features(run, tables), training.clock.seconds
    summary = summary_of(request.name, run, request.seeds, features, seconds, history)
    described = samples.describe() | {"decoder_rejected_per_epoch": rejected_per_epoch(history, run.optimizer.epochs)}
    computed = "+".join(training.clock.precisions)
    summary |= {"samples": described, "precision": computed, "compiled": compiled}
    return Pretrained(backbone, summary)


def _computing_in(precision: Computed, request: Request) -> Request:
    """Return the request with its precision resolved; what is recorded and hashed is the request as it was."""
    optimizer = request.run.optimizer.model_copy(update={"precision": precision})
    return replace(request, run=request.run.model_copy(update={"optimizer": optimizer}))


def _samples(
    request: Request, tables: Tables, images: ImageList, labels: Tensor | None
) -> PairSamples | LabelledSamples:
    if labels is not None:
        return LabelledSamples(images, labels, request.run, request.seeds)
    boxes = BoxLists.empty(len(images)) if tables.proposals is None else boxes_of_images(tables.proposals, images)
    scale_min = object_scale_min(request.run, tables.proposals_summary)
    return PairSamples(images, boxes, request.run, scale_min, request.seeds)


def _method(request: Request, tables: Tables, num_samples: int, labels: Tensor | None, world: World) -> Method:
    run = request.run
    initial = find_initial(run.backbone, tables.data_root, where=f"runs.{request.name}.backbone")
    if initial is not None and world.is_first:
        print(f"run {request.name}: starts from {initial.where}: {initial.layout}", file=sys.stderr, flush=True)
    with seeded_weights(initial_seed(request)):
        return build_method(Setup(run, request.seeds, world, num_samples, labels, initial))


def _labels(request: Request, tables: Tables, images: ImageList) -> Tensor | None:
    """Return the labels of the training images, for a supervised run."""
    if request.run.method != "supervised":
        return None
    if tables.annotations is None:
        raise ValueError(f"run {request.name}: a supervised run needs --annotations")
    return labels_by_image(tables.annotations, images)[0]


def _monitor(request: Request, tables: Tables, images: ImageList, world: World) -> Monitor | None:
    run = request.run
    if not run.training.monitor_every_epochs or len(images) < 2:
        return None
    rows = request.seeds.generator("monitor").permutation(len(images))[: run.training.monitor_images].tolist()
    labels = None
    if run.training.monitor_knn:
        if tables.annotations is None:
            raise ValueError(f"run {request.name}: training.monitor_knn needs --annotations")
        labels = labels_by_image(tables.annotations, images)[0][rows]
    paths = [images.paths[row] for row in rows]
    return Monitor(paths, run.views.size_px, world.device, labels, run.optimizer.precision)


def _warn(request: Request, samples: PairSamples | LabelledSamples, world: World) -> None:
    num_without = samples.usable.num_without if isinstance(samples, PairSamples) else 0
    sizes = {"num_images": len(samples.images), "num_without_boxes": num_without, "world_size": world.size}
    for warning in find_warnings(request.run, **sizes):
        print(f"warning: run {request.name}: {warning}", file=sys.stderr, flush=True)


def _features(run: Run, tables: Tables) -> str:
    if run.method == "supervised":
        return "supervised"
    if run.backbone.init_from is not None:  # whoever made them may have used labels
        return "externally initialised"
    if not run.uses_objects or tables.proposals_summary is None:
        return "label-free"
    boxes = str(tables.proposals_summary.get("features", "label-free"))
    return "label-free" if "label-free" in boxes else f"boxes: {boxes}"
