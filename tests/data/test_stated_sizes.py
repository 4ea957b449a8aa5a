"""Images that have another size than their annotations state, in every layout that states one."""

import json

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.manifest import index_dataset, require_readable, summarize
from objectcrop.data.readers.registry import parse_dataset
from objectcrop.tables import MANIFEST, check

SIZE = (48, 64)
"""As decoded, of an image of 64 x 48 stored pixels with EXIF orientation 6."""


def save(path, *, orientation):
    """Save an image of 64 x 48 stored pixels; orientations 5 to 8 show it as 48 x 64."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(path, exif=exif)


def coco(root, images):
    folder = root / "coco"
    rows = []
    for number, (name, (orientation, (width, height))) in enumerate(images.items()):
        save(folder / "train" / f"{name}.jpg", orientation=orientation)
        rows.append({"id": number, "file_name": f"{name}.jpg", "width": width, "height": height})
    value = {"images": rows, "annotations": [], "categories": [{"id": 1, "name": "dog"}]}
    (folder / "train.json").write_text(json.dumps(value))
    return {"source": "coco", "instances": {"train": "coco/train.json"}, "images": {"train": "coco/train"}}


def voc(root, images):
    kit = root / "VOC2007"
    for folder in ("Annotations", "ImageSets/Main"):
        (kit / folder).mkdir(parents=True)
    (kit / "ImageSets/Main/train.txt").write_text("".join(f"{name}\n" for name in images))
    for name, (orientation, (width, height)) in images.items():
        save(kit / "JPEGImages" / f"{name}.jpg", orientation=orientation)
        size = f"<size><width>{width}</width><height>{height}</height></size>"
        (kit / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}</annotation>")
    return {"source": "voc", "parts": {"train": [{"devkit": "VOC2007", "image_set": "train"}]}}


def ade20k(root, images):
    folder = root / "ADE"
    (folder / "annotations/training").mkdir(parents=True)
    for name, (orientation, (width, height)) in images.items():
        save(folder / "images/training" / f"{name}.jpg", orientation=orientation)
        Image.new("L", (width, height)).save(folder / "annotations/training" / f"{name}.png")
    (folder / "objectInfo150.txt").write_text("Idx\tName\n1\twall\n")
    return {"source": "ade20k", "folder": "ADE", "parts": {"train": "training"}}


LAYOUTS = pytest.mark.parametrize("layout", [coco, voc, ade20k])
FAULTY = {
    "displayed": (6, (48, 64)),  # as it must be
    "stored": (6, (64, 48)),
    "swapped": (1, (48, 64)),
    "wrong": (1, (63, 48)),
    "right": (1, (64, 48)),
    "mirrored": (2, (64, 48)),
}


def index(root, value, **settings):
    return index_dataset("mine", parse_dataset(value | settings), root)


@LAYOUTS
def test_annotations_of_the_displayed_image_are_indexed(layout, tmp_path):
    value = layout(tmp_path, {name: FAULTY[name] for name in ("displayed", "right", "mirrored")})
    indexed = index(tmp_path, value)
    manifest = check(indexed.manifest, MANIFEST, where="test").set_index("image_id")
    assert manifest.loc["displayed", ["width_px", "height_px"]].tolist() == list(SIZE)
    assert len(manifest) == 3
    assert summarize(indexed)["num_mismatched"] == 0


@LAYOUTS
def test_other_sizes_stop_with_both_sizes_and_what_to_do(layout, tmp_path):
    with pytest.raises(ValueError, match="3 of 6 images have another size") as stopped:
        index(tmp_path, layout(tmp_path, FAULTY))
    message = str(stopped.value)
    assert "data set mine" in message
    assert "stored.jpg: stated 64 x 48, decoded 48 x 64" in message
    assert "swapped.jpg: stated 48 x 64, decoded 64 x 48" in message
    assert "wrong.jpg: stated 63 x 48, decoded 64 x 48" in message
    assert "1 of them were annotated in stored orientation: remove the orientation from the EXIF data" in message
    assert "datasets.mine.size_mismatch: list" in message
    assert "displayed.jpg" not in message


@LAYOUTS
def test_where_the_settings_list_them_they_are_left_out_and_listed(layout, tmp_path):
    indexed = index(tmp_path, layout(tmp_path, FAULTY), size_mismatch="list")
    assert sorted(indexed.manifest["image_id"]) == ["displayed", "mirrored", "right"]
    assert indexed.files["path"].tolist() == indexed.manifest["path"].tolist()
    summary = json.loads(json.dumps(summarize(indexed)))
    assert (summary["num_readable"], summary["num_unreadable"], summary["num_mismatched"]) == (3, 0, 3)
    (stored,) = [row for row in summary["mismatched"] if row["image_id"] == "stored"]
    assert stored | {"path": ""} == {
        **{"image_id": "stored", "path": "", "split": "train", "orientation": 6},
        **{"stated_width_px": 64, "stated_height_px": 48, "width_px": 48, "height_px": 64},
    }
    assert summary["orientations"] == {"1": 1, "2": 1, "6": 1}


def test_only_five_are_named_and_without_swapped_sides_no_orientation_is_blamed(tmp_path):
    images = {f"image-{number}": (1, (64, 40 + number)) for number in range(7)}
    with pytest.raises(ValueError, match=r"7 of 7 images .*; \.\.\.\); correct the annotations or get") as stopped:
        index(tmp_path, coco(tmp_path, images))
    assert str(stopped.value).count("stated") == 5


def test_if_every_image_is_left_out_indexing_stops(tmp_path):
    indexed = index(tmp_path, coco(tmp_path, {"wrong": FAULTY["wrong"]}), size_mismatch="list")
    with pytest.raises(ValueError, match=r"data set mine: 1 of 1 images have another size"):
        require_readable(indexed, name="mine", max_share=0.5)


def test_an_unreadable_image_is_unreadable_whatever_is_stated(tmp_path):
    value = coco(tmp_path, {"wrong": FAULTY["wrong"], "right": FAULTY["right"]})
    (tmp_path / "coco/train/wrong.jpg").write_text("broken")
    indexed = index(tmp_path, value)
    assert indexed.unreadable["image_id"].tolist() == ["wrong"]
    assert indexed.mismatched.empty
