import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from objectcrop.boxes import Size, area
from objectcrop.proposals.sources.without_search import (
    SourceInputs,
    centre_box,
    grid_boxes,
    make_boxes,
    parse_source,
    scatter_boxes,
)

SIZES = {"a": Size(100, 60), "b": Size(40, 80)}


def test_the_centre_box_has_its_share_and_the_image_s_shape():
    box = centre_box(Size(100, 50), 0.25)
    assert_allclose(box, [[25, 12.5, 75, 37.5]])


def test_the_grid_tiles_the_image():
    boxes = grid_boxes(Size(90, 40), 2, 3)
    assert boxes.shape == (6, 4)
    assert area(boxes).sum() == pytest.approx(90 * 40)
    assert_allclose(boxes[4], [30, 20, 60, 40])


def test_scattered_boxes_keep_their_sizes_and_lie_inside():
    boxes = np.array([[0, 0, 30, 20], [70, 40, 100, 60], [0, 0, 100, 60]], dtype=float)
    moved = scatter_boxes(boxes, Size(100, 60), np.random.default_rng(0))
    assert_allclose(moved[:, 2:] - moved[:, :2], boxes[:, 2:] - boxes[:, :2])
    assert (moved >= 0).all()
    assert (moved <= [100, 60, 100, 60]).all()
    assert not np.allclose(moved[:2], boxes[:2])


def annotations() -> pd.DataFrame:
    rows = [("a", 0.0, 0.0, 0.5, 0.5, False), ("a", 0.5, 0.5, 1.0, 1.0, True), ("z", 0.0, 0.0, 1.0, 1.0, False)]
    frame = pd.DataFrame(rows, columns=["image_id", "x1", "y1", "x2", "y2", "is_group_of"])
    return frame.assign(is_crowd=False)


@pytest.mark.parametrize(("drop", "count"), [(True, 1), (False, 2)])
def test_ground_truth_is_in_pixels_and_of_the_training_images(drop, count):
    source = parse_source({"kind": "gt", "drop_group_of": drop})
    made = dict(make_boxes(source, SIZES, SourceInputs(annotations=annotations()), study_seed=0))
    assert list(made) == ["a"]
    assert len(made["a"]) == count
    assert [0, 0, 50, 30] in made["a"].tolist()


def test_too_many_annotated_boxes_are_drawn_from_by_study_seed():
    many = pd.concat([annotations().iloc[[0]].assign(x2=0.01 * n) for n in range(1, 60)])
    source = parse_source({"kind": "gt", "max_boxes": 5})
    drawn = [
        dict(make_boxes(source, SIZES, SourceInputs(annotations=many), study_seed=seed))["a"] for seed in (0, 0, 1)
    ]
    assert len(np.unique(drawn[0], axis=0)) == 5
    assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_random_boxes_follow_another_source_image_by_image():
    boxes = {"a": np.array([[0.0, 0.0, 10.0, 20.0]]), "elsewhere": np.array([[0.0, 0.0, 1.0, 1.0]])}
    source = parse_source({"kind": "random", "sizes_of": "lod"})
    made = dict(make_boxes(source, SIZES, SourceInputs(boxes=boxes), study_seed=0))
    assert list(made) == ["a"]
    assert_allclose(made["a"][0, 2:] - made["a"][0, :2], [10, 20])


@pytest.mark.parametrize("kind", [{"kind": "grid"}, {"kind": "centre"}])
def test_every_image_gets_boxes_of_a_fixed_place(kind):
    assert [name for name, _ in make_boxes(parse_source(kind), SIZES, SourceInputs(), study_seed=0)] == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "gt"}, "annotations"),
        ({"kind": "random", "sizes_of": "lod"}, "'lod'"),
        ({"kind": "lod", "features_run": "x"}, "not made in one step"),
    ],
)
def test_a_source_that_lacks_what_it_looks_at_says_so(source, message):
    with pytest.raises(ValueError, match=message):
        make_boxes(parse_source(source), SIZES, SourceInputs(), study_seed=0)
