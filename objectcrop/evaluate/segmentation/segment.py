"""Fine-tune DeepLabv3 on a run's trunk, and measure it against the class that most training pixels have."""

import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from objectcrop.data.class_maps import IGNORED, MappedDataset, list_class_maps
from objectcrop.evaluate.segmentation.metrics import PixelCounts, confusion, interval
from objectcrop.evaluate.segmentation.network import DeepLabv3
from objectcrop.evaluate.segmentation.request import Segmentation
from objectcrop.evaluate.segmentation.samples import Crops, Wholes, read_image
from objectcrop.evaluate.segmentation.training import STATE, train
from objectcrop.evaluate.states import report_unused
from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.precision import autocast, describe_precision, resolve_precision
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.seeding import seeded_torch
from objectcrop.runtime.signals import Stopped, StopRequest, stop_requests
from objectcrop.ssl.samples.order import load_batches
from objectcrop.study.settings.datasets import Split

RECIPE = "own choice: the paper cites DeepLabv3 for ADE20K and gives no recipe"


def segment_alone(trunk: Backbone, job: Segmentation) -> dict[str, Any]:
    """Do as `segment`, while no other command does so in the same folder of states.

    Raises:
        Stopped: after saving, when a signal asked for it.
        ValueError: as `segment`, or if another command holds the folder.
    """
    with stop_requests() as stop, run_lock(job.checkpoints.parent / "lock"):
        report_unused(job.checkpoints, job.label, (STATE,))
        return segment(trunk, job, stop)


def segment(trunk: Backbone, job: Segmentation, stop: StopRequest) -> dict[str, Any]:
    """Train from the saved state if there is one, else from the pretrained trunk, and measure.

    Every class map is read once before the first step: a wrong one must not end a training of days.

    Returns:
        `metrics` and `per_class` in percent (None for a class without a test pixel), `intervals` (95%, over test images),
        `details` (the majority class, the interval of the difference from it, the recipe), and the `precision` of the network.

    Raises:
        Stopped: after saving, if a stop was asked for.
        ValueError: naming the file, if an image or a class map cannot be used; or as `train`.
    """
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    print(f"{job.label}: {describe_precision(job.task.precision, job.device)}", file=sys.stderr, flush=True)
    data = list_class_maps(job.dataset_name, job.dataset, job.data_root)
    pixels = count_pixels(data, "train", job.label, stop)
    count_pixels(data, "test", job.label, stop)
    with seeded_torch(job.seeds.torch_seed("segmentation-head"), torch.device("cpu")):
        network = DeepLabv3(trunk, len(data.classes), job.task.atrous_rates)
    network.to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(network, Crops(data, job.task, job.seeds), job, stop)
    counts = measure(network, Wholes(data, "test", job.task.size_px), job, stop)
    return _result(counts, int(pixels.argmax()), list(data.classes.values())) | {
        "precision": resolve_precision(job.task.precision, job.device)
    }


def count_pixels(data: MappedDataset, split: Split, label: str, stop: StopRequest) -> NDArray[np.int64]:
    """Return how many pixels of a split have each class, shape (classes,); reads every image and class map.

    Raises:
        ValueError: naming the file, if one cannot be used.
        Stopped: if a stop was asked for.
    """
    total = np.zeros(IGNORED + 1, dtype=np.int64)
    images = data.images[split]
    with Progress(f"{label}, class maps of {split}", total=len(images), unit="images") as progress:
        for image in images:
            total += np.bincount(read_image(data, image)[1].ravel(), minlength=IGNORED + 1)
            progress.advance()
            if stop:
                raise Stopped(stop.exit_code)
    return total[: len(data.classes)]


@torch.no_grad()
def measure(network: DeepLabv3, images: Wholes, job: Segmentation, stop: StopRequest) -> PixelCounts:
    """Return the pixel counts of each image, predicted at its own size.

    Raises:
        Stopped: if a stop was asked for.
    """
    network.eval()
    num_classes = len(images.data.classes)
    confusions = []
    batches = load_batches(images, [[row] for row in range(len(images))], job.num_workers, job.device)
    with Progress(f"{job.label}, testing", total=len(images), unit="images") as progress:
        for batch in batches:
            with autocast(job.task.precision, job.device):
                scores = network(batch.images.to(job.device), tuple(batch.targets.shape[1:]))
            predicted = scores.argmax(dim=1).to(torch.uint8).cpu().numpy()
            confusions.append(confusion(batch.targets.numpy(), predicted, num_classes))
            progress.advance()
            if stop:
                raise Stopped(stop.exit_code)  # the trained state is saved
    return PixelCounts.of(confusions)


def _result(counts: PixelCounts, majority: int, classes: list[str]) -> dict[str, Any]:
    ious, always = counts.class_ious(), counts.if_always(majority)
    draws, draws_always = counts.resampled(), always.resampled()
    return {
        "metrics": {"mIoU": 100 * counts.mean_iou(), "pixel_accuracy": 100 * counts.pixel_accuracy()},
        "per_class": {
            name: None if np.isnan(iou) else 100 * float(iou) for name, iou in zip(classes, ious, strict=True)
        },
        "intervals": {"mIoU": _percent(draws)},
        "details": {
            "recipe": RECIPE,
            "num_test": len(counts.true),
            "majority": {"class": classes[majority], "mIoU": 100 * always.mean_iou()},
            "above_majority": _percent(draws - draws_always),
        },
    }


def _percent(draws: NDArray[np.float64]) -> list[float]:
    return [100 * end for end in interval(draws)]
