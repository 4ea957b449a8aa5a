"""FGVC-Aircraft (Maji et al. 2013, arXiv:1306.5151): lists of `<image> <name>`, and a box an image.

torchvision's FGVCAircraft does not serve: its paths and labels are private attributes, and it reads no boxes.
"""

from pathlib import Path

import pandas as pd

from objectcrop.data.containment import path_named
from objectcrop.data.readers.single_objects import OBJECTS
from objectcrop.data.readers.text_lists import read_list, require_keys
from objectcrop.data.relative_boxes import half_open
from objectcrop.study.settings.fine_grained import AircraftDataset


def read_aircraft(dataset: AircraftDataset, root: Path) -> pd.DataFrame:
    """Return the OBJECTS of the image sets; the class id is the name at the level that is set, the image id the file's number.

    Boxes count pixels from 1 and include the last one. The lowest 20 rows of each image are a banner that names the
    photographer: it belongs to the image here, as the images are read where they are, and boxes are relative to all of
    it. Whoever wants it gone cuts it from the files (the boxes, in pixels from the top, stay right).

    Raises:
        ValueError: naming file and line, if a list is not of its form, an image has no box, or stands in two lists.
    """
    folder = root / dataset.folder
    boxes = read_list(folder / "images_box.txt", ("image", "xmin", "ymin", "xmax", "ymax"))
    rows = []
    for split, image_set in dataset.image_sets.items():
        names = read_list(folder / f"images_{dataset.level}_{image_set}.txt", ("image", dataset.level))
        require_keys(boxes, names, path=folder / "images_box.txt", what="image")
        for image_id, line in names.items():
            box = boxes[image_id]
            path = path_named(f"{dataset.folder}/images", f"{image_id}.jpg")
            rows.append((image_id, path, split, line.fields[0], *half_open(box.numbers()), box.place))
    return pd.DataFrame(rows, columns=OBJECTS)
