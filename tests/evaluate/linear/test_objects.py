"""The probe of annotated objects, each cropped out of its image."""

import cv2
import numpy as np
import pandas as pd
import pytest

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.features import TEST_VIEW, Views
from objectcrop.tables import ANNOTATIONS, IMAGE_LABEL, MANIFEST, check
from tests.evaluate.linear.conftest import COLOURS, CPU, SEEDS, backbone, results_of, settings

OBJECTS = settings(samples="object", labels="single")


@pytest.fixture
def rectangles(tmp_path):
    """Gray images of 80 x 40 pixels with two rectangles; the colour of each is its class."""
    rng, manifest, annotations = np.random.default_rng(0), [], []
    for number in range(20):
        image_id, split = f"i{number:02d}", "train" if number < 14 else "test"
        image = np.full((40, 80, 3), 128, dtype=np.uint8)
        for left in (4, 44):
            name = str(rng.choice(list(COLOURS)))
            width, height = rng.integers(8, 32, 2)
            image[4 : 4 + height, left : left + width] = COLOURS[name]
            box = (left / 80, 4 / 40, (left + width) / 80, (4 + height) / 40)
            annotations.append((image_id, name, *box, False, False, False, "s", split))
        assert cv2.imwrite(str(tmp_path / f"{image_id}.png"), image)
        manifest.append((image_id, f"{image_id}.png", 80, 40, 1, split, ""))
    return tuple(
        check(pd.DataFrame(rows, columns=list(schema.columns)), schema, where="test")
        for rows, schema in ((manifest, MANIFEST), (annotations, ANNOTATIONS))
    )


def test_each_object_is_a_sample_of_its_class(rectangles, tmp_path):
    _, annotations = rectangles
    data = Data.of(*rectangles, tmp_path, "object")
    assert (len(data.train), len(data.test)) == (28, 12)
    assert data.test.ids[:2] == ("i14#0", "i14#1")
    own = annotations[annotations["image_id"] == "i14"].sort_values("class_id")
    assert [data.classes[c] for c in data.test.classes_of_single[:2]] == own["class_id"].tolist()
    expected = (own[["x1", "y1", "x2", "y2"]].to_numpy() * [80, 40, 80, 40]).round()
    assert data.test.boxes[:2].tolist() == expected.tolist()
    assert np.diff(data.test.shown.indptr).tolist() == [1] * 12


@pytest.mark.parametrize("epoch", [TEST_VIEW, 0, 5])
def test_a_view_shows_nothing_but_the_object(rectangles, tmp_path, epoch):
    data = Data.of(*rectangles, tmp_path, "object")
    views = Views(data.train, OBJECTS, SEEDS)
    pixels = views.__getitems__([(epoch, row) for row in range(len(data.train))]).numpy()
    for view, column in zip(pixels, data.train.classes_of_single, strict=True):
        assert (view == COLOURS[data.classes[column]][::-1]).all()


def test_a_test_view_is_the_whole_box_and_a_training_view_a_part_of_it(rectangles, tmp_path):
    data = Data.of(*rectangles, tmp_path, "object")
    views = Views(data.train, OBJECTS, SEEDS)
    box = tuple(data.train.boxes[3].tolist())
    assert views.plan(TEST_VIEW, 3).crop_box == box
    crops = {views.plan(epoch, 3).crop_box for epoch in range(20)}
    assert len(crops) > 10
    assert all(box[0] <= x1 < x2 <= box[2] and box[1] <= y1 < y2 <= box[3] for x1, y1, x2, y2 in crops)
    assert {views.plan(epoch, 3).is_flipped for epoch in range(20)} == {True, False}


def test_what_is_no_box_of_one_object_is_no_sample(rectangles, tmp_path):
    manifest, annotations = rectangles
    changed = annotations.copy()
    first = changed.index[changed["split"] == "test"]
    for row, name, value in zip(
        first, ["is_group_of", "is_crowd", "source", "class_id"], [True, True, IMAGE_LABEL, "violet"], strict=False
    ):
        changed.loc[row, name] = value
    changed.loc[first[4], ["x1", "x2"]] = (1.5, 1.75)
    data = Data.of(manifest, changed, tmp_path, "object")
    assert len(data.test) == 12 - 5
    assert data.untrained.classes == ("violet",)
    with pytest.raises(ValueError, match="no box of one object in its test images"):
        Data.of(manifest, annotations.assign(is_crowd=annotations["split"].eq("test")), tmp_path, "object")


@pytest.mark.parametrize("probe", ["linear", "mlp", "knn"])
def test_every_probe_distinguishes_objects_by_their_colours(rectangles, tmp_path, probe):
    task = settings(samples="object", labels="single", probe=probe, epochs=40, decay_epochs=[30], learning_rates=[0.3])
    task = task.model_copy(update={"knn": task.knn.model_copy(update={"num_neighbours": 3})})
    results = results_of(backbone(), Data.of(*rectangles, tmp_path, "object"), task, SEEDS, device=CPU)
    assert results["metrics"]["top1"] > 90
    assert set(results["metrics"]) == set(task.metrics)
