"""The test images that a run recognises worst, of the classes of lowest average precision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from objectcrop.boxes import CORNERS, Size, as_boxes, to_pixels
from objectcrop.data.images import decode_image
from objectcrop.evaluate.linear.measure import ScoredImages
from objectcrop.report.sheets import SheetImage
from objectcrop.tables import IMAGE_LABEL

NUM_CLASSES, NUM_IMAGES = 6, 4


class Missed(NamedTuple):
    """A class, its average precision in percent, and the test images of lowest score among those that show it."""

    class_id: str
    average_precision: float
    image_ids: tuple[str, ...]


def worst_classes(scored: ScoredImages, per_class: Mapping[str, float | None]) -> list[Missed]:
    """Return the classes of lowest average precision, each with as many images: the least scored of those that show it.

    A class that fewer images show than others have to spare is left out.

    Args:
        scored: what a layer said of the test images.
        per_class: average precision in percent; None for a class without a test image.

    Raises:
        ValueError: if no test image shows a class.
    """
    shown = {class_id: np.flatnonzero(scored.labels[:, place]) for place, class_id in enumerate(scored.class_ids)}
    count = min(NUM_IMAGES, max((len(rows) for rows in shown.values()), default=0))
    if count == 0:
        raise ValueError("no test image shows a class: there are no worst ones")
    values = {name: value for name, value in per_class.items() if value is not None and len(shown[name]) >= count}
    missed = []
    for class_id in sorted(values, key=lambda name: (values[name], name))[:NUM_CLASSES]:
        rows = shown[class_id]
        scores = scored.scores[rows, scored.class_ids.index(class_id)]
        least = rows[np.argsort(scores, kind="stable")[:count]]
        missed.append(Missed(class_id, values[class_id], tuple(scored.image_ids[row] for row in least)))
    return missed


def images_of(
    missed: Sequence[Missed], manifest: pd.DataFrame, annotations: pd.DataFrame, data_root: Path
) -> list[SheetImage]:
    """Return the images of all classes, class by class, with the boxes of that class.

    Args:
        missed: of `worst_classes`.
        manifest: MANIFEST.
        annotations: ANNOTATIONS.
        data_root: folder that the images' paths start from.
    """
    files = {row["image_id"]: row for row in manifest.to_dict("records")}
    boxes = annotations[annotations["source"] != IMAGE_LABEL]
    images = []
    for one in missed:
        of_class = boxes[boxes["class_id"] == one.class_id]
        for image_id in one.image_ids:
            file = files[image_id]
            size = Size(file["width_px"], file["height_px"])
            own = of_class.loc[of_class["image_id"] == image_id, CORNERS].to_numpy(dtype=np.float64)
            images.append(
                SheetImage(decode_image(data_root / file["path"]), as_boxes([]), to_pixels(as_boxes(own), size))
            )
    return images
