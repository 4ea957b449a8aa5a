"""The embedded data set: multi-object scenes that the project draws itself, in three layouts.

Under `<data root>/drawn/<name>/` are the images of each split, Open Images CSVs, a VOC devkit, COCO instances and
`records/`: what is in the scenes, a file a chunk, written after the chunk's images. A chunk whose record and images
are there is not drawn again, so an interrupted drawing resumes where it stopped. `drawn.json` names the settings and the
code; where they differ, everything is drawn again.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from objectcrop.data.claimed_folders import claim_folder
from objectcrop.data.drawn.classes import drawn_classes
from objectcrop.data.drawn.layouts import (
    make_folders,
    write_box_csv,
    write_class_csv,
    write_class_map,
    write_coco,
    write_voc_scene,
    write_voc_sets,
)
from objectcrop.data.drawn.masks import DrawnObject, class_map, visible_objects
from objectcrop.data.drawn.paint import ImageArray, paint_scene
from objectcrop.data.drawn.plan import plan_scene
from objectcrop.data.drawn.surfaces import Grey
from objectcrop.runtime.atomic import read_json, write_text
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.randomness import generator
from objectcrop.study.digest import code_digest
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.section import recorded, settings_hash

STAMP = "drawn.json"
_CHUNK = 100
_COUNTS = {"train": "num_train", "validation": "num_validation", "test": "num_test"}
_NOT_DRAWN = {*_COUNTS.values(), "max_unreadable_share", "source"}


@dataclass(frozen=True)
class Scene:
    """A drawn scene: its image (8-bit BGR), what is visible in it, the class of each pixel, and which type of scene it is."""

    image: ImageArray
    objects: list[DrawnObject]
    class_map: Grey
    scene_type: int


@dataclass(frozen=True)
class Chunk:
    """Scenes `start` to `stop` - 1 of a split, drawn by one process."""

    split: str
    start: int
    stop: int

    def record(self, folder: Path) -> Path:
        """Return the file that is there once the chunk is finished."""
        return folder / "records" / f"{self.split}-{self.start:07d}-{self.stop:07d}.json"


def draw_scene(settings: DrawnDataset, split: str, index: int) -> Scene:
    """Draw one scene; the same arguments give the same scene, whatever else is drawn."""
    rng = generator(settings.seed, "drawn", split, index)
    scene_type, layout = plan_scene(settings, rng)
    return Scene(paint_scene(settings, scene_type, layout, rng), visible_objects(layout), class_map(layout), scene_type)


def scene_id(settings: DrawnDataset, split: str, index: int) -> str:
    """Return 16 hexadecimal digits, different for every scene of every setting; the size of the set does not matter."""
    drawn = {key: value for key, value in recorded(settings).items() if key not in _NOT_DRAWN}
    return hashlib.sha256(f"{settings_hash(drawn)}/{split}/{index}".encode()).hexdigest()[:16]


def draw_dataset(name: str, settings: DrawnDataset, root: Path, *, num_workers: int = 1) -> dict[str, Any]:
    """Draw what is not there yet and write all layouts.

    Args:
        name: of the data set; its folder is `<root>/drawn/<name>`.
        settings: what to draw.
        root: the data root.
        num_workers: processes; the files do not depend on it.

    Returns:
        Per split the records of all scenes, and under `num_drawn` how many scenes were drawn now.

    Raises:
        ValueError: if the folder holds something that was not drawn here.
    """
    folder = root / "drawn" / name
    chunks = _chunks(settings)
    _prepare(folder, settings)
    make_folders(folder, {chunk.split for chunk in chunks})
    missing = [chunk for chunk in chunks if not _is_finished(folder, chunk)]
    total = sum(chunk.stop - chunk.start for chunk in chunks)
    left = sum(chunk.stop - chunk.start for chunk in missing)
    with Progress(f"draw {name}", total=total, unit="scenes", done=total - left) as progress:
        for count in _draw(folder, settings, missing, num_workers):
            progress.advance(count)
    records = read_records(folder, settings)
    _write_layouts(folder, settings, records)
    return {"records": records, "num_drawn": left}


def read_records(folder: Path, settings: DrawnDataset) -> dict[str, list[dict[str, Any]]]:
    """Return the records of the scenes of each split that is drawn, in order."""
    records: dict[str, list[dict[str, Any]]] = {}
    for chunk in _chunks(settings):
        records.setdefault(chunk.split, []).extend(read_json(chunk.record(folder)))
    return records


def _chunks(settings: DrawnDataset) -> list[Chunk]:
    return [
        Chunk(split, start, min(start + _CHUNK, getattr(settings, count)))
        for split, count in _COUNTS.items()
        for start in range(0, getattr(settings, count), _CHUNK)
    ]


def _prepare(folder: Path, settings: DrawnDataset) -> None:
    """Leave in `folder` only what these settings and this code drew."""
    package = Path(__file__).resolve().parents[3]
    recorded_settings = {key: value for key, value in recorded(settings).items() if key != "max_unreadable_share"}
    stamp = {"settings": recorded_settings, "code": code_digest("objectcrop.data.drawn.dataset", package)}
    claim_folder(folder / STAMP, stamp, made="a drawn data set")


def _is_finished(folder: Path, chunk: Chunk) -> bool:
    record = chunk.record(folder)
    if not record.is_file():
        return False
    return all((folder / chunk.split / f"{scene['image_id']}.jpg").is_file() for scene in read_json(record))


def _draw(folder: Path, settings: DrawnDataset, chunks: Sequence[Chunk], num_workers: int) -> Iterator[int]:
    """Draw chunks and yield the size of each that is finished."""
    if num_workers <= 1 or len(chunks) <= 1:
        for chunk in chunks:
            yield draw_chunk(folder, settings, chunk)
        return
    with ProcessPoolExecutor(min(num_workers, len(chunks)), mp_context=get_context("spawn")) as pool:
        running = [pool.submit(draw_chunk, folder, settings, chunk) for chunk in chunks]
        for future in as_completed(running):
            yield future.result()


def draw_chunk(folder: Path, settings: DrawnDataset, chunk: Chunk) -> int:
    """Draw and write the scenes of a chunk, last of all its record; the number of scenes."""
    cv2.setNumThreads(1)
    classes = drawn_classes(settings.num_classes, settings.class_cue)
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
    records = []
    for index in range(chunk.start, chunk.stop):
        scene = draw_scene(settings, chunk.split, index)
        image_id = scene_id(settings, chunk.split, index)
        record = {
            "image_id": image_id,
            "scene_type": scene.scene_type,
            "objects": [asdict(thing) for thing in scene.objects],
        }
        _, encoded = cv2.imencode(".jpg", scene.image, quality)
        # not one by one atomic: only the chunk's record makes its images count
        (folder / chunk.split / f"{image_id}.jpg").write_bytes(encoded.tobytes())
        write_voc_scene(folder, chunk.split, record, classes, settings.width_px, settings.height_px)
        write_class_map(folder, image_id, scene.class_map)
        records.append(record)
    write_text(chunk.record(folder), json.dumps(records))
    return len(records)


def _write_layouts(folder: Path, settings: DrawnDataset, records: dict[str, list[dict[str, Any]]]) -> None:
    classes = drawn_classes(settings.num_classes, settings.class_cue)
    size = settings.width_px, settings.height_px
    write_class_csv(folder / "class-descriptions-boxable.csv", classes)
    for split, scenes in records.items():
        write_box_csv(folder / f"{split}-annotations-bbox.csv", scenes, classes, *size)
        write_coco(folder / "coco" / "annotations" / f"instances_{split}.json", scenes, classes, *size)
    write_voc_sets(folder, {split: [scene["image_id"] for scene in scenes] for split, scenes in records.items()})
