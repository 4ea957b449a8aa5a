"""Which images a contact sheet shows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from objectcrop.report.samples import first_overlaps, sample_shown
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, empty_table

SIDE = 40


@pytest.fixture
def study(tmp_path):
    """Five training images of one grey each and one test image; their first boxes meet the object more and more."""
    rows, boxes, objects = [], [], []
    for number in range(6):
        name = f"p{number}"
        Image.fromarray(np.full((SIDE, SIDE, 3), 10 * number, np.uint8)).save(tmp_path / f"{name}.png")
        rows.append((name, f"{name}.png", SIDE, SIDE, 1, "test" if number == 5 else "train", "0" * 16))
        if number < 4:  # the fifth has no object
            objects.append((name, 0.0, 0.0, 0.5, 0.5))
        if number > 0:  # the first has no proposal
            boxes.append((name, 0, 0, 0, 20, 5 * number, 1.0))
            boxes.append((name, 1, 0, 0, 20, 20, 0.5))  # the second box does not count
    annotations = pd.DataFrame(objects, columns=["image_id", "x1", "y1", "x2", "y2"])
    columns = ["image_id", "rank", "x1", "y1", "x2", "y2", "score"]
    manifest = pd.DataFrame(rows, columns=list(MANIFEST.columns))
    return manifest, annotations, pd.DataFrame(boxes, columns=columns), tmp_path


def greys(study, choice, count=3):
    images = sample_shown(*study, count=count, seed=0, choice=choice)
    return [int(item.image[0, 0, 0]) for item in images]


def test_the_overlap_is_that_of_the_first_proposal(study):
    manifest, annotations, proposals, _ = study
    train = manifest[manifest["split"] == "train"]
    assert_allclose(first_overlaps(train, annotations, proposals), [0, 0.25, 0.5, 0.75, 0])


def test_best_and_worst_go_by_the_first_proposal_and_need_objects(study):
    assert greys(study, "best") == [30, 20, 10]
    assert greys(study, "worst") == [0, 10, 20]
    assert sorted(greys(study, "random", count=9)) == [0, 10, 20, 30]


def test_without_annotations_every_training_image_may_be_shown(study):
    manifest, _, proposals, root = study
    images = sample_shown(manifest, empty_table(ANNOTATIONS), proposals, root, count=9, seed=0, choice="worst")
    assert len(images) == 5
    nothing = sample_shown(manifest, empty_table(ANNOTATIONS), empty_table(PROPOSALS), root, count=9, seed=0)
    assert all(len(item.proposals) == 0 for item in nothing)
