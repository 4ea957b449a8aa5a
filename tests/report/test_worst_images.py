"""Which images are shown as the worst."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from objectcrop.evaluate.linear.measure import ScoredImages
from objectcrop.report.worst_images import images_of, worst_classes
from objectcrop.tables import IMAGE_LABEL


def scored(labels, scores):
    labels, scores = np.array(labels, dtype=bool), np.array(scores, dtype=np.float32)
    ids = tuple(f"i{number}" for number in range(len(labels)))
    return ScoredImages(ids, ("cat", "dog", "owl"), scores, labels, False)


def test_the_least_scored_images_of_the_worst_classes_come_first():
    labels = [[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1]]
    scores = [[3, 9, 0], [1, 0, 0], [2, 8, 0], [0, 7, 0]]
    worst = worst_classes(scored(labels, scores), {"cat": 60.0, "dog": 40.0, "owl": 1.0})
    assert [one.class_id for one in worst] == ["dog", "cat"], "one image shows an owl, three the others"
    assert worst[0].image_ids == ("i3", "i2", "i0")
    assert worst[1].image_ids == ("i1", "i2", "i0")
    assert worst[0].average_precision == 40.0


def test_a_class_without_a_test_image_has_no_worst_one():
    worst = worst_classes(scored([[1, 0, 0], [1, 0, 0]], np.zeros((2, 3))), {"cat": 5.0, "dog": None, "owl": None})
    assert [one.class_id for one in worst] == ["cat"]
    with pytest.raises(ValueError, match="no test image shows a class"):
        worst_classes(scored(np.zeros((2, 3)), np.zeros((2, 3))), {"cat": None, "dog": None, "owl": None})


def test_an_image_is_shown_with_the_boxes_of_the_class_alone(tmp_path):
    Image.fromarray(np.full((20, 40, 3), 9, dtype=np.uint8)).save(tmp_path / "a.png")
    manifest = pd.DataFrame({"image_id": ["i0"], "path": ["a.png"], "width_px": [40], "height_px": [20]})
    boxes = [("cat", 0.25, "box"), ("cat", 0.5, IMAGE_LABEL), ("dog", 0.75, "box")]
    rows = [{"image_id": "i0", "class_id": c, "x1": x, "y1": 0, "x2": 1, "y2": 1, "source": s} for c, x, s in boxes]
    one = worst_classes(scored([[1, 0, 0]], [[1, 2, 3]]), {"cat": 5.0, "dog": None, "owl": None})
    (shown,) = images_of(one, manifest, pd.DataFrame(rows), tmp_path)
    assert shown.objects.tolist() == [[10.0, 0.0, 40.0, 20.0]]
    assert len(shown.proposals) == 0
