"""Pairs of MoCo-v2 views per second on one core, beside a plain PIL and torchvision loader on the same JPEGs.

Draws the JPEGs itself (scenes with grain, as large as photographs are), prints a table and writes
benchmarks/results/loader.json. Times are processor seconds of one thread, medians of alternating repeats. The classic
loader gives normalised floats; ours gives bytes, which the device normalises: the ratios count that too, on the same core.
`--quick` repeats less.
"""

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageFilter
from torchvision import transforms

from objectcrop.boxes import Boxes, Size, as_boxes
from objectcrop.data.drawn.dataset import draw_scene
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import ImageList
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch
from objectcrop.views.normalisation import normalise

SIZES = (Size(640, 480), Size(1024, 768))
NUM_IMAGES, QUALITY, GRAIN = 24, 92, 6.0
OBJECTS = {"regions": ("object", "dilated_object"), "proposals": "gt"}


def draw_images(folder: Path, size: Size) -> tuple[ImageList, list[Boxes]]:
    """Write JPEGs (4:2:0) and return them with the boxes of their objects."""
    settings = DrawnDataset(source="drawn", width_px=size.width, height_px=size.height, object_sizes="medium")
    paths, boxes = [], []
    for number in range(NUM_IMAGES):
        scene = draw_scene(settings, "train", number)
        grain = np.random.default_rng(number).normal(0, GRAIN, scene.image.shape)
        path = folder / f"{size.width}-{number:02d}.jpg"
        pixels = np.clip(scene.image + grain, 0, 255).astype(np.uint8)
        if not cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
            raise OSError(f"{path}: cannot be written")
        paths.append(path)
        boxes.append(as_boxes([item.box for item in scene.objects]))
    ids = tuple(path.stem for path in paths)
    return ImageList(ids, tuple(paths), (size,) * NUM_IMAGES), boxes


def blur(image: Image.Image) -> Image.Image:
    """MoCo's Gaussian blur on PIL images."""
    return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))


def classic_loader(images: ImageList) -> Callable[[], torch.Tensor]:
    """PIL and torchvision's first transforms with MoCo-v2's recipe (ssl_recipes 1.1): two views of each image."""
    transform = transforms.Compose(
        [
            transforms.RandomResizedCrop(224, scale=(0.2, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([transforms.Lambda(blur)], p=0.5),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    def load() -> torch.Tensor:
        views = []
        for path in images.paths:
            with path.open("rb") as file:
                image = Image.open(file).convert("RGB")
            views += [transform(image), transform(image)]
        return torch.stack(views)

    return load


def our_loader(images: ImageList, boxes: list[Boxes], *, with_floats: bool, **views: object) -> Callable[[], object]:
    """A batch of every image, each time of another epoch."""
    run = Run.model_validate({"dataset": "drawn", "views": views})
    samples, epoch = PairSamples(images, boxes, run, 0.5, Seeds(0, 0)), [0]

    def load() -> object:
        epoch[0] += 1
        batch = samples.__getitems__([(epoch[0], row) for row in range(len(images))])
        if not with_floats:
            return batch
        assert isinstance(batch, PairBatch)
        return normalise(batch.query), normalise(batch.key)

    return load


def medians(repeats: int, works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return median processor seconds of each work; the works alternate."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for round_index in range(repeats + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if round_index:  # the first round warms up
                rounds[name].append(time.process_time() - start)
    return {name: statistics.median(seconds) for name, seconds in rounds.items()}


def measure(folder: Path, size: Size, repeats: int) -> tuple[dict[str, float], float]:
    """Return pairs per second of each loader, and the ratio of the classic one's time to ours."""
    images, boxes = draw_images(folder, size)
    where = f"{size.width}x{size.height}"
    kilobytes = statistics.median(path.stat().st_size for path in images.paths) / 1000
    works = {
        "classic": classic_loader(images),
        "ours, normalised": our_loader(images, boxes, with_floats=True),
        "ours": our_loader(images, boxes, with_floats=False),
        "ours, object pairs": our_loader(images, boxes, with_floats=False, **OBJECTS),
        "ours, rendered on the device": our_loader(images, boxes, with_floats=False, renderer="batched"),
    }
    seconds_of = medians(repeats, works)
    rates = {f"{name}, {where}": NUM_IMAGES / seconds for name, seconds in seconds_of.items()}
    return {f"kilobytes per image, {where}": kilobytes} | rates, seconds_of["classic"] / seconds_of["ours, normalised"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 3 if parser.parse_args().quick else 7
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    random.seed(0)
    torch.manual_seed(0)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows, ratios = {}, {}
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            values, ratio = measure(Path(name), size, repeats)
            rows |= values
            ratios[f"classic_{size.width}x{size.height}"] = ratio
    for name, value in (rows | ratios).items():
        print(f"{name:44} {value:10.2f}")
    result = {
        "machine": f"{platform.machine()} {platform.system()}",
        "versions": {"opencv": cv2.__version__, "torch": torch.__version__}
        | {name: version(name) for name in ("torchvision", "pillow")},
        "command": "python benchmarks/loader.py",
        "rows": [
            {"name": name, "value": value, "unit": "kB" if name.startswith("kilobytes") else "pairs/s"}
            for name, value in rows.items()
        ],
        "ratios": ratios,
    }
    path = Path(__file__).parent / "results" / "loader.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
