"""What is said of the image files of a data set."""

import numpy as np
import pandas as pd
from PIL import Image

from objectcrop.data.manifest import index_images, summarize
from objectcrop.report.image_words import describe_images


def index(**changes):
    base = {"num_readable": 5, "modes": {}, "orientations": {}, "unreadable": [], "mismatched": []}
    return base | changes


def test_modes_and_turned_images_are_counted_and_the_first_bad_ones_named(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "grey.jpg", exif=exif)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "colour.png")
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    names = ["grey.jpg", "colour.png", "bad.jpg"]
    listing = pd.DataFrame({"image_id": ["g", "c", "b"], "path": names, "split": "train"})
    text = describe_images("mine", summarize(index_images(listing, tmp_path)))
    assert text.startswith("mine: 2 images; 1 L, 1 RGB; 1 rotated or mirrored")
    assert "1 unreadable and left out: bad.jpg (" in text


def test_only_the_first_unreadable_ones_are_named():
    bad = [{"path": f"{number}.jpg", "reason": "cut off"} for number in range(4)]
    text = describe_images("mine", index(unreadable=bad))
    assert "4 unreadable and left out: 0.jpg (cut off), 1.jpg (cut off), 2.jpg (cut off), and others." in text


def test_a_union_counts_its_images_alone():
    assert describe_images("all", index()) == "all: 5 images; none unreadable."
