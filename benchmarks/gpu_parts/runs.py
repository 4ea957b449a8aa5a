"""The runs that are timed: every method, scene views and OAC's, with the trainer that pretraining uses."""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import torch
from gpu_parts.roofline import Work, count
from torch import Tensor

from objectcrop.boxes import Boxes
from objectcrop.networks.backbones import seeded_weights
from objectcrop.runtime.cuda import fast_gpu
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import StopRequest
from objectcrop.ssl.methods.method import Method, Setup
from objectcrop.ssl.methods.registry import build_method
from objectcrop.ssl.samples.images import ImageList
from objectcrop.ssl.samples.labelled import LabelledSamples
from objectcrop.ssl.samples.order import BatchOrder, how_workers_start, load_batches
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.ssl.training.checkpoints import read_metrics
from objectcrop.ssl.training.compiling import compile_trunks
from objectcrop.ssl.training.loop import Job, Training
from objectcrop.study.settings.runs import Run

OBJECTS: dict[str, Any] = {"regions": ["object", "dilated_object"], "proposals": "boxes"}
EXTRA = {"rotation": 1.0, "localization": 1.0}
METHODS: dict[str, dict[str, Any]] = {
    "MoCo-v2": {"method": "moco_v2"},
    "MoCo-v2, OAC": {"method": "moco_v2", "views": OBJECTS, "losses": EXTRA},
    "DenseCL": {"method": "densecl"},
    "DenseCL, OAC": {"method": "densecl", "views": OBJECTS, "losses": EXTRA},
    "BYOL": {"method": "byol"},
    "BYOL, OAC": {"method": "byol", "views": OBJECTS, "losses": EXTRA},
    "SwAV": {"method": "swav"},
    "InsDis": {"method": "insdis"},
    "CMC": {"method": "cmc"},
    "supervised": {"method": "supervised"},
}


class Size(NamedTuple):
    """How large the network, its views and a step are, and how many steps are timed after those that warm up."""

    arch: str
    side_px: int
    batch: int
    warm_up: int
    steps: int


class Timed(NamedTuple):
    """What the log of a run says of its timed steps: means of the measures of `Speed`."""

    images_per_s: float
    data_wait_share: float
    peak_memory_gib: float
    mfu: float


def run_of(name: str, size: Size, *, renderer: str) -> Run:
    """Return the settings of a run."""
    chosen = METHODS[name]
    views = {"size_px": size.side_px, "renderer": renderer, **chosen.get("views", {})}
    if chosen["method"] == "supervised":
        views.pop("renderer")
    optimizer = {"global_batch_size": size.batch, "epochs": 1}
    backbone = {"arch": size.arch}
    return Run.model_validate({"dataset": "d", "backbone": backbone, **chosen, "views": views, "optimizer": optimizer})


def time_run(
    run: Run,
    images: ImageList,
    boxes: list[Boxes],
    size: Size,
    world: World,
    folder: Path,
    *,
    workers: int | None,
    peak: float,
) -> Timed:
    """Train some steps, and return what the log says of the last `size.steps`.

    Args:
        run: see `run_of`.
        images: enough for all steps.
        boxes: of each image.
        size: of the run.
        world: one process and its device.
        folder: new; for the log.
        workers: processes of the loader; None repeats one batch, which is on the device.
        peak: ceiling of the device, 1e12 operations a second.
    """
    seeds, total = Seeds(0, 0), size.warm_up + size.steps
    labels = torch.arange(len(images)) % 1000
    samples, method = built(run, images, boxes, labels, world)
    compile_trunks(method, world, on_gpu=True)
    job = Job("benchmark", "none", run.optimizer, len(samples), folder, seeds, save_every_s=1e9, peak_teraflops=peak)
    assert job.total_steps == total, f"{len(samples)} samples give {job.total_steps} steps, expected {total}"
    order = BatchOrder(len(samples), size.batch, range(total), seeds=seeds, world=world)
    start = how_workers_start(world.device)
    batches: Iterator[Any] = iter(load_batches(samples, order, workers or 0, world.device, start=start))
    if workers is None:
        first = next(batches)
        # the host reads the rows in every step
        batches = repeat(first.to(world.device)._replace(rows=first.rows))
    folder.mkdir(parents=True)
    with fast_gpu(world.device):
        Training(method, job, world).run(batches, StopRequest(), images.ids)
    rows = [row for row in read_metrics(folder) if row["step"] > size.warm_up]
    return Timed(*(sum(row[name] for row in rows) / len(rows) for name in Timed._fields))


def built(
    run: Run, images: ImageList, boxes: list[Boxes], labels: Tensor, world: World
) -> tuple[LabelledSamples | PairSamples, Method]:
    """Return the samples of a run and its method."""
    seeds, is_supervised = Seeds(0, 0), run.method == "supervised"
    samples = (
        LabelledSamples(images, labels, run, seeds) if is_supervised else PairSamples(images, boxes, run, 0.4, seeds)
    )
    with seeded_weights(0):
        return samples, build_method(Setup(run, seeds, world, len(samples), labels if is_supervised else None))


def work_of(run: Run, images: ImageList, boxes: list[Boxes], size: Size, world: World, folder: Path) -> Work:
    """Return what the first step of a run asks of the device: networks, losses, optimizer, and colours if it makes these.

    Args:
        run: see `run_of`.
        images: of one step.
        boxes: of each image.
        size: of the run.
        world: one process and its device.
        folder: new; for the log.
    """
    samples, method = built(run, images, boxes, torch.arange(len(images)) % 1000, world)
    seeds = Seeds(0, 0)
    order = BatchOrder(len(samples), size.batch, range(1), seeds=seeds, world=world)
    batch = next(iter(load_batches(samples, order, 0, world.device, start=how_workers_start(world.device))))
    batch = batch.to(world.device)._replace(rows=batch.rows)
    folder.mkdir(parents=True)
    job = Job("count", "none", run.optimizer, len(samples), folder, seeds, save_every_s=1e9)
    with fast_gpu(world.device):
        training = Training(method, job, world)
        return count(lambda: training.run([batch], StopRequest(), images.ids))


def repeated(images: ImageList, boxes: list[Boxes], count: int) -> tuple[ImageList, list[Boxes]]:
    """Return as many images, the same files again and again under other ids."""
    rows = list(chain.from_iterable(repeat(range(len(images)), count // len(images) + 1)))[:count]
    ids = tuple(f"{number:08d}" for number in range(count))
    chosen = ImageList(ids, tuple(images.paths[row] for row in rows), tuple(images.sizes[row] for row in rows))
    return chosen, [boxes[row] for row in rows]
