"""Pairs of views per second on one core: ours beside PIL and torchvision, lightly and others, on the same JPEGs.

Photographs of ../shared/data where they are, else drawn scenes; 640x480 and 1024x768, a box of 0.2 to 0.4 of each image. Times are
processor seconds of one thread, medians of alternating rounds. Peers give normalised floats; ours gives bytes, which the device
normalises, and a row of ours normalises them on the same core. Stages of an object pair stand beside their floors. Prints tables
and writes benchmarks/results/loader.json.
`--quick` repeats less; `--workers 1 2 4 8` also times processes, by the wall clock.

AlbumentationsX (AGPL) is no dependency; its rows say "not installed" without it. To have it, `uv pip install --no-deps --target
FOLDER albumentationsx albucore numkong stringzilla`, then PYTHONPATH=FOLDER.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import torch
from first_run_parts.recorded import versions
from loader_parts import peers
from loader_parts.collection import Collection, collect
from loader_parts.fidelity import in_fork, private_mib, psnr_db
from loader_parts.stages import Stage, stages
from results_parts.record import record
from torch.utils.data import DataLoader, Dataset

from objectcrop.boxes import Size
from objectcrop.data.manifest import index_dataset
from objectcrop.data.prepared import prepare_dataset
from objectcrop.data.readers.registry import parse_dataset
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import ImageList
from objectcrop.ssl.samples.order import load_batches, start_worker
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.study.settings.datasets import PreparedDataset
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch
from objectcrop.views.normalisation import normalise

SIZES = (Size(640, 480), Size(1024, 768))
OBJECTS: dict[str, Any] = {"regions": ("object", "dilated_object"), "proposals": "boxes"}
PREPARED_PX, BATCH = 512, 8
NOT_INSTALLED = "not installed"
Work = Callable[[], object]
"""Makes a pair of every image."""


def our_samples(collection: Collection, **views: Any) -> PairSamples:
    """Pairs as pretraining makes them."""
    run = Run.model_validate({"dataset": "photographs", "views": views})
    return PairSamples(collection.images, collection.boxes, run, peers.OBJECT_SCALE_MIN, Seeds(0, 0))


def ours(collection: Collection, *, with_floats: bool = False, **views: Any) -> Work:
    """A batch of all images, of another epoch each time."""
    samples, epoch = our_samples(collection, **views), [0]

    def work() -> object:
        epoch[0] += 1
        batch = samples.__getitems__([(epoch[0], row) for row in range(len(samples))])
        if not with_floats:
            return batch
        assert isinstance(batch, PairBatch)
        return normalise(batch.query), normalise(batch.key)

    return work


def one_by_one(load: peers.Load | None, collection: Collection) -> Work | None:
    """A pair of each image, by a peer."""
    return None if load is None else lambda: [load(row) for row in range(len(collection.images))]


def prepared(collection: Collection, folder: Path) -> Collection:
    """The same images as `source: prepared` writes them."""
    images = collection.images
    (folder / "in").mkdir(parents=True)
    for path in images.paths:
        (folder / "in" / f"{path.stem}.jpg").write_bytes(path.read_bytes())
    manifest = index_dataset("in", parse_dataset({"source": "folder", "images": "in"}), folder).manifest
    settings = PreparedDataset(source="prepared", of="in", long_side_px=PREPARED_PX)
    made = prepare_dataset("small", settings, manifest, folder).manifest
    ordered = made.set_index("image_id").loc[[f"{path.stem}.jpg" for path in images.paths]]
    sizes = tuple(map(Size, ordered["width_px"].tolist(), ordered["height_px"].tolist()))
    scale = [size.width / before.width for size, before in zip(sizes, images.sizes, strict=True)]
    boxes = [box * factor for box, factor in zip(collection.boxes, scale, strict=True)]
    return Collection(ImageList(images.ids, tuple(folder / path for path in ordered["path"]), sizes), boxes, "prepared")


def loaders(collection: Collection, folder: Path) -> dict[str, Work | None]:
    """Return what is timed, by name; None is not installed. The first of scenes and of objects is what others stand beside."""
    small = prepared(collection, folder)
    return {
        "scenes, classic": one_by_one(peers.classic_scenes(collection), collection),
        "scenes, lightly": one_by_one(peers.lightly_scenes(collection), collection),
        "scenes, torchvision v2": one_by_one(peers.second_torchvision_scenes(collection), collection),
        "scenes, AlbumentationsX": one_by_one(peers.albumentations_scenes(collection), collection),
        "scenes, ours": ours(collection),
        "scenes, ours, normalised": ours(collection, with_floats=True),
        "scenes, ours, OpenCV decodes": ours(collection, decoder="opencv"),
        f"scenes, ours, prepared at {PREPARED_PX} px": ours(small),
        "objects, classic": one_by_one(peers.classic_objects(collection), collection),
        "objects, AlbumentationsX": one_by_one(peers.albumentations_objects(collection), collection),
        "objects, ours": ours(collection, **OBJECTS),
        "objects, ours, normalised": ours(collection, with_floats=True, **OBJECTS),
        "objects, ours, OpenCV decodes": ours(collection, decoder="opencv", **OBJECTS),
        f"objects, ours, prepared at {PREPARED_PX} px": ours(small, **OBJECTS),
        "objects, ours, colours on the device": ours(collection, renderer="batched", **OBJECTS),
    }


def medians(repeats: int, works: dict[str, Work], num_images: int) -> dict[str, float]:
    """Return median processor milliseconds of a pair; the works alternate."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    for round_index in range(repeats + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if round_index:  # the first round warms up
                rounds[name].append(1000 * (time.process_time() - start) / num_images)
    return {name: statistics.median(own) for name, own in rounds.items()}


class _Rows(Dataset[object]):
    def __init__(self, load: peers.Load) -> None:
        self.load = load

    def __getitem__(self, row: int) -> object:
        return self.load(row)


def rate_of_workers(load: Callable[[int], Any], num_workers: int, num_images: int) -> float:
    """Return pairs a second by the wall clock of some processes, in batches; their start is not counted."""
    batches = [[row % num_images for row in range(start, start + BATCH)] for start in range(0, 8 * num_images, BATCH)]
    is_ours = isinstance(load, PairSamples)
    order = [[(0, row) for row in batch] for batch in batches] if is_ours else batches
    if isinstance(load, PairSamples):
        loader = load_batches(load, order, num_workers, torch.device("cpu"))
    else:
        loader = DataLoader(_Rows(load), batch_sampler=order, num_workers=num_workers, multiprocessing_context="fork")
    iterator = iter(loader)
    next(iterator)
    start = time.perf_counter()
    num_batches = sum(1 for _ in iterator)
    return num_batches * BATCH / (time.perf_counter() - start)


def memory_of_worker(samples: PairSamples) -> float:
    """Return the MiB that a worker has for itself after it made a pair of each image."""

    def work() -> float:
        start_worker(0)
        samples.__getitems__([(0, row) for row in range(len(samples))])
        return private_mib()

    return in_fork(work)


def measure(
    folder: Path, size: Size, repeats: int, workers: list[int]
) -> tuple[list[dict[str, Any]], dict[str, float], list[Stage], str]:
    """Return the rows of one size, the ratios of the classic loaders' times to all others', stages, and what the images are."""
    collection, where = collect(folder, size), f"{size.width}x{size.height}"
    num_images = len(collection.images)
    works = loaders(collection, folder / where)
    milliseconds = medians(repeats, {name: work for name, work in works.items() if work is not None}, num_images)
    rows: list[dict[str, Any]] = [
        {
            "name": f"{name}, {where}",
            "value": 1000 / milliseconds[name] if name in milliseconds else None,
            "unit": "pairs/s",
        }
        for name in works
    ]
    ratios = {
        f"{name}, {where}": milliseconds[f"{name.split(',')[0]}, classic"] / value
        for name, value in milliseconds.items()
        if not name.endswith("classic")
    }
    rows.append({"name": f"kilobytes an image, {where}", "value": collection.kilobytes, "unit": "kB"})
    for kind, views in (("scenes", {}), ("objects", OBJECTS)):
        samples = our_samples(collection, **views)
        rows.append({"name": f"{kind}, crops against Pillow's, {where}", "value": psnr_db(samples), "unit": "dB"})
        rows.append({"name": f"{kind}, memory of a worker, {where}", "value": memory_of_worker(samples), "unit": "MiB"})
    for count in workers:
        classic, own = peers.classic_objects(collection), our_samples(collection, **OBJECTS)
        for name, load in (("classic", classic), ("ours", own)):
            rate = rate_of_workers(load, count, num_images)
            rows.append({"name": f"objects, {name}, {count} workers, {where}", "value": rate, "unit": "pairs/s"})
    of_pair = stages(our_samples(collection, **OBJECTS), repeats)
    return rows, ratios, of_pair, f"{collection.about} of {where}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--workers", type=int, nargs="*", default=[], help="numbers of processes to time too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    random.seed(0)
    torch.manual_seed(0)
    cores = os.sched_getaffinity(0)
    if not args.workers:
        os.sched_setaffinity(0, {min(cores)})
    rows, ratios, of_pair, about = [], {}, {}, []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            measured, beside, parts, words = measure(Path(folder), size, 3 if args.quick else 7, args.workers)
            rows += measured
            ratios |= beside
            of_pair[f"{size.width}x{size.height}"] = parts
            about.append(words)
    for row in rows:
        times = f"{ratios[row['name']]:8.2f} x" if row["name"] in ratios else ""
        value = NOT_INSTALLED if row["value"] is None else f"{row['value']:10.2f} {row['unit']:8}"
        print(f"{row['name']:52} {value}{times}")
    for where, parts in of_pair.items():
        for stage in parts:
            floor = "" if stage.floor_ms is None else f"{stage.floor_ms:8.3f} ms  {stage.floor}"
            print(f"objects, {stage.name + ', ' + where:43} {stage.ms:10.3f} ms{floor}")
    packages = ("opencv-python-headless", "pillow", "lightly", peers.ALBUMENTATIONS, "nvidia-nvimgcodec-cu13")
    command = " ".join(["python benchmarks/loader.py", *sys.argv[1:]])
    result = {
        "command": command,
        "recorded": f"{'; '.join(about)}.",
        "versions": versions() | {name: _version(name) for name in packages},
        "rows": rows,
        "ratios": ratios,
        "stages": {where: [stage._asdict() for stage in parts] for where, parts in of_pair.items()},
    }
    record("loader", result)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


if __name__ == "__main__":
    main()
