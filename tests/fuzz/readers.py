"""The readers of files that people, other tools or a damaged disk give, each with files that it reads."""

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import yaml

from objectcrop.boxes import Size
from objectcrop.data.images import check_image, decode_image
from objectcrop.data.readers.coco import read_coco_boxes
from objectcrop.data.readers.openimages import read_class_names, read_openimages_boxes
from objectcrop.data.readers.text_lists import read_list
from objectcrop.data.readers.voc import read_voc_boxes
from objectcrop.evaluate.linear.scores import read_scores, write_scores
from objectcrop.networks.checkpoints import read_checkpoint
from objectcrop.networks.safetensors import read_safetensors, write_safetensors
from objectcrop.proposals.sources.external import read_external
from objectcrop.runtime.atomic import read_json
from objectcrop.runtime.torch_files import read_whole, write_torch
from objectcrop.study.loading import examine
from objectcrop.study.settings.datasets import VocPart
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table, write_table
from tests.data.readers.box_csv import GOOD, lines
from tests.data.test_damaged_images import SEEDS as IMAGES
from tests.evaluate.linear.test_scores import scored
from tests.proposals.sources.test_external import RESULTS, SIZES
from tests.test_damaged_tables import annotations, manifest, random_proposals

SMALL_PX = 1e6
"""Images of more pixels by their header are checked and not decoded at full size: it takes seconds."""


class Reader(NamedTuple):
    """A reader under test."""

    suffix: str
    files: list[bytes]
    read: Callable[[Path], object]


def _image(path: Path) -> None:
    size = check_image(path, max_megapixels=128).size
    if size.width * size.height < SMALL_PX:
        decode_image(path)


def _voc(path: Path) -> object:
    kit = path.parent
    for folder in ("ImageSets/Main", "Annotations"):
        (kit / folder).mkdir(parents=True, exist_ok=True)
    (kit / "ImageSets/Main/train.txt").write_text(f"{path.stem}\n")
    path.replace(kit / "Annotations" / path.name)
    return read_voc_boxes(VocPart(devkit=kit.name, image_set="train"), kit.parent, "train")


def _config(path: Path) -> object:
    """Snakemake parses YAML; what comes out of that is ours."""
    try:
        config = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError, LookupError):
        return None
    return examine(config) if isinstance(config, dict) and all(isinstance(key, str) for key in config) else None


def _bytes_of(write: Callable[[Path], object], folder: Path, name: str) -> bytes:
    write(folder / name)
    return (folder / name).read_bytes()


def _torch_bytes(value: object, *, is_zip: bool) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()


COCO = {
    "images": [{"id": n, "file_name": f"{n}.jpg", "width": 50, "height": 40} for n in range(3)],
    "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 3.5, 4], "iscrowd": 0} for n in range(3)],
    "categories": [{"id": 1, "name": "dog"}],
}
VOC = """<annotation><size><width>50</width><height>40</height></size><object><name>dog</name><difficult>0</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"""
ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "dog" * 10}">' for n in range(10))
VOC_BOMB = f"<!DOCTYPE annotation [{ENTITIES}]>{VOC.replace('>dog<', '>&e9;<')}"


def all_readers(root: Path, folder: Path) -> dict[str, Reader]:
    """Return the readers by name.

    Args:
        root: of the checkout, whose presets are seeds.
        folder: an empty one, where seeds are written.
    """
    tensors = {"a": torch.arange(24.0).reshape(2, 12), "b": torch.ones(3, dtype=torch.int64)}
    tables = {"manifest": (manifest(), MANIFEST), "annotations": (annotations(), ANNOTATIONS)}
    tables["proposals"] = (random_proposals(), PROPOSALS)
    arrays = pickle.dumps({"model": {"a": np.zeros((2, 3), np.float32)}, "precision": "none"}, protocol=4)
    state = {"settings_hash": "abc", "model": tensors}
    safe = _bytes_of(lambda path: write_safetensors(path, tensors, {"run": "r"}), folder, "a.safetensors")
    scores = _bytes_of(lambda path: write_scores(path, scored(num_images=9)), folder, "scores.npz")
    sizes = SIZES | {str(image["id"]): Size(50, 40) for image in COCO["images"]}
    texts = {"results": RESULTS, "instances": COCO}
    jsons = [json.dumps(value).encode() for value in texts.values()]
    presets = [
        path.read_bytes() for path in (root / "config.yaml", root / "presets/tiny.yaml", root / "presets/coco.yaml")
    ]
    small = [data for data in IMAGES if len(data) < 20_000]
    readers = {
        "images": Reader(".jpg", small, _image),
        "box CSV": Reader(".csv", [lines(GOOD, GOOD)], lambda path: read_openimages_boxes(path, "train")),
        "class names": Reader(".csv", [b"/m/1,Dog\n/m/2,Cat\n"], read_class_names),
        "COCO instances": Reader(".json", jsons[1:], lambda path: read_coco_boxes(path, "train")),
        "VOC XML": Reader(".xml", [VOC.encode(), VOC_BOMB.encode()], _voc),
        "text list": Reader(
            ".txt", [b"a 1 2 3 4\nb 5 6 7 8\n"], lambda path: read_list(path, ["id", "x", "y", "w", "h"])
        ),
        "external JSON": Reader(".json", jsons, lambda path: list(read_external(path, sizes, 10))),
        "safetensors": Reader(".safetensors", [safe], read_safetensors),
        "torch checkpoint": Reader(
            ".pth", [_torch_bytes(state, is_zip=kind) for kind in (True, False)], read_checkpoint
        ),
        "pickle of arrays": Reader(".pkl", [arrays], read_checkpoint),
        "state": Reader(
            ".pt",
            [_bytes_of(lambda path: write_torch(path, state), folder, "a.pt")],
            lambda path: read_whole(path, "cpu"),
        ),
        "scores": Reader(".npz", [scores], read_scores),
        "JSON": Reader(".json", jsons, read_json),
        "config": Reader(".yaml", presets, _config),
    }
    for name, (frame, schema) in tables.items():
        data = _bytes_of(lambda path, f=frame, s=schema: write_table(f, path, s), folder, f"{name}.parquet")
        readers[f"table of {name}"] = Reader(".parquet", [data], lambda path, s=schema: read_table(path, s))
    return readers
