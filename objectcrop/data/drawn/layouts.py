"""Drawn scenes as files: Open Images CSVs, a VOC devkit and COCO instances, all from the same records.

A record is the plain-value form of one scene: image_id and its objects (`class_index`, `box`, ...; see
`drawn_masks.DrawnObject`).
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectcrop.data.drawn.classes import DrawnClass
from objectcrop.runtime.atomic import replacing, write_text

BOX_COLUMNS = (
    "ImageID",
    "Source",
    "LabelName",
    "Confidence",
    "XMin",
    "XMax",
    "YMin",
    "YMax",
    "IsOccluded",
    "IsTruncated",
    "IsGroupOf",
    "IsDepiction",
    "IsInside",
)
VOC_FOLDER = "VOC2007"
# VOC's colours: three bits of the index to each of red, green and blue, the lowest ones first, from the highest bit down
_PALETTE = [
    sum((index >> (3 * place + channel) & 1) << (7 - place) for place in range(3))
    for index in range(256)
    for channel in range(3)
]

Record = Mapping[str, Any]


def write_box_csv(
    path: Path, records: Iterable[Record], classes: Sequence[DrawnClass], width_px: int, height_px: int
) -> None:
    """Write one row an object, corners relative to the image with eight decimals."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(BOX_COLUMNS)
    for record in records:
        for thing in record["objects"]:
            x1, y1, x2, y2 = thing["box"]
            corners = [x1 / width_px, x2 / width_px, y1 / height_px, y2 / height_px]
            flags = [int(thing["is_occluded"]), int(thing["is_truncated"]), 0, 0, 0]
            decimals = [f"{corner:.8g}" for corner in corners]
            writer.writerow([record["image_id"], "drawn", classes[thing["class_index"]].mid, 1, *decimals, *flags])
    write_text(path, text.getvalue())


def write_class_csv(path: Path, classes: Sequence[DrawnClass]) -> None:
    """Write LabelName and plain name, without header."""
    write_text(path, "".join(f"{kind.mid},{kind.name}\n" for kind in classes))


def write_coco(
    path: Path, records: Sequence[Record], classes: Sequence[DrawnClass], width_px: int, height_px: int
) -> None:
    """Write COCO instances of a split; `file_name` is relative to the split's folder, ids start at 1."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_number, record in enumerate(records, start=1):
        file_name = f"{record['image_id']}.jpg"
        images.append({"id": image_number, "file_name": file_name, "width": width_px, "height": height_px})
        for thing in record["objects"]:
            x1, y1, x2, y2 = thing["box"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_number,
                    "category_id": thing["class_index"] + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": thing["area_px"],
                    "iscrowd": 0,
                    "segmentation": thing["polygons"],
                }
            )
    categories = [{"id": number, "name": kind.name} for number, kind in enumerate(classes, start=1)]
    value = {"info": {"description": "drawn scenes"}, "images": images, "annotations": annotations}
    with replacing(path) as aside:
        aside.write_text(json.dumps({**value, "categories": categories}), encoding="utf-8")


def write_voc_scene(
    folder: Path, split: str, record: Record, classes: Sequence[DrawnClass], width_px: int, height_px: int
) -> None:
    """Write the XML of a scene (1-based, inclusive corners), and its image as a relative link into the split's folder."""
    image_id = record["image_id"]
    things = "".join(_voc_object(thing, classes[thing["class_index"]]) for thing in record["objects"])
    size = f"<size><width>{width_px}</width><height>{height_px}</height><depth>3</depth></size>"
    text = (
        f"<annotation><folder>{VOC_FOLDER}</folder><filename>{image_id}.jpg</filename>{size}"
        f"<segmented>0</segmented>\n{things}</annotation>\n"
    )
    (folder / VOC_FOLDER / "Annotations" / f"{image_id}.xml").write_text(text, encoding="utf-8")
    link = folder / VOC_FOLDER / "JPEGImages" / f"{image_id}.jpg"
    if not link.is_symlink():
        link.symlink_to(os.path.join("..", "..", split, f"{image_id}.jpg"))


def write_class_map(folder: Path, image_id: str, class_map: NDArray[np.uint8]) -> None:
    """Write the class of each pixel of a scene as VOC does: an 8-bit PNG with a palette, 0 is background."""
    image = Image.fromarray(class_map)
    image.putpalette(_PALETTE)
    image.save(folder / VOC_FOLDER / "SegmentationClass" / f"{image_id}.png", compress_level=1)


def write_voc_sets(folder: Path, ids: Mapping[str, Sequence[str]]) -> None:
    """Write ImageSets/Main and Segmentation: train, val, trainval and test; a split that was not drawn gives an empty set."""
    sets = {
        "train": ids.get("train", []),
        "val": ids.get("validation", []),
        "trainval": [*ids.get("train", []), *ids.get("validation", [])],
        "test": ids.get("test", []),
    }
    for name, members in sets.items():
        for kind in ("Main", "Segmentation"):
            write_text(folder / VOC_FOLDER / "ImageSets" / kind / f"{name}.txt", "".join(f"{i}\n" for i in members))


def make_folders(folder: Path, splits: Iterable[str]) -> None:
    """Make the folders that images, XMLs and class maps are written to."""
    for name in [*splits, *(f"{VOC_FOLDER}/{part}" for part in ("Annotations", "JPEGImages", "SegmentationClass"))]:
        (folder / name).mkdir(parents=True, exist_ok=True)


def _voc_object(thing: Record, kind: DrawnClass) -> str:
    x1, y1, x2, y2 = thing["box"]
    return (
        f"<object><name>{escape(kind.name)}</name><pose>Unspecified</pose>"
        f"<truncated>{int(thing['is_truncated'])}</truncated><occluded>{int(thing['is_occluded'])}</occluded>"
        f"<difficult>0</difficult><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>\n"
    )
