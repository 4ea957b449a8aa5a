"""Images and annotations that are easily forgotten."""

import numpy as np
import pandas as pd
import pytest

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.measure import ScoredImages, measure
from objectcrop.tables import IMAGE_LABEL
from tests.evaluate.linear.conftest import CPU, SEEDS, backbone, results_of, settings

LAST = "i35"
"""A test image."""


def evaluated(tables, tmp_path):
    data = Data.of(*tables, tmp_path)
    return data, results_of(backbone(), data, settings(epochs=1, cached_views=1), SEEDS, device=CPU)


def shown_by(data, image_id):
    images = data.train if image_id in data.train.ids else data.test
    row = images.labels[images.ids.index(image_id)]
    return {name for name, is_shown in zip(data.classes, row, strict=True) if is_shown}


@pytest.mark.parametrize("image_id", ["i00", LAST])
def test_an_image_without_boxes_stays_and_is_a_negative_of_every_class(tables, tmp_path, image_id):
    manifest, annotations = tables
    data, results = evaluated((manifest, annotations[annotations["image_id"] != image_id]), tmp_path)
    assert shown_by(data, image_id) == set()
    assert (results["details"]["num_train"], results["details"]["num_test"]) == (24, 12)
    assert all(0 < value <= 100 for value in results["per_class"].values())


def test_a_negative_at_the_top_halves_the_average_precision_of_the_positive_below():
    scores, shown = np.array([[2.0], [1.0]], dtype=np.float32), np.array([[0], [3]], dtype=np.uint8)
    assert measure(ScoredImages(("without boxes", "b"), ("cat",), scores, shown, False)).metrics["map"] == 50


@pytest.mark.parametrize(
    "change",
    [
        {"is_crowd": True},  # crowds of COCO, difficult objects of VOC
        {"is_group_of": True},
        {"source": IMAGE_LABEL},
        {"x1": 1.25, "x2": 1.5},
        {"y1": -0.5, "y2": -0.25},
    ],
    ids=["crowds or difficult ones alone", "groups alone", "labels of the whole image", "right of it", "above it"],
)
def test_boxes_of_any_kind_show_their_class_but_have_no_size(tables, tmp_path, change):
    manifest, annotations = tables
    expected = set(annotations.loc[annotations["image_id"] == LAST, "class_id"])
    changed = annotations.copy()
    for name, value in change.items():
        changed.loc[changed["split"] == "test", name] = value
    data, results = evaluated((manifest, changed), tmp_path)
    assert shown_by(data, LAST) == expected
    assert results["metrics"]["map"] > 0
    assert {results["metrics"][f"map_{size}"] for size in ("small", "medium", "large")} == {None}


def test_without_test_images_the_data_set_is_rejected(tables, tmp_path):
    manifest, annotations = tables
    with pytest.raises(ValueError, match="has no test image; a linear task needs the splits train and test"):
        Data.of(manifest[manifest["split"] == "train"], annotations, tmp_path)


def test_with_one_test_image_metrics_are_defined(tables, tmp_path):
    manifest, annotations = tables
    kept = pd.concat([manifest[manifest["split"] == "train"], manifest[manifest["image_id"] == LAST]])
    _, results = evaluated((kept, annotations), tmp_path)
    assert results["metrics"]["map"] == 100
    assert results["intervals"]["map"] == pytest.approx((100, 100))
    assert [value for value in results["per_class"].values() if value is None] == [None]
