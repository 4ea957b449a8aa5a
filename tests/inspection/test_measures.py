"""Coverage of objects by proposals, on boxes whose overlaps are computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from objectcrop.boxes import as_boxes, iou
from objectcrop.inspection.measures import measure_coverage, shown_share, size_class, summarize, verdict

LEFT = (0, 0, 10, 10)
LEFT_HALF = (0, 0, 10, 5)  # IoU 0.5 with LEFT
LEFT_FIFTH = (0, 0, 10, 2)  # IoU 0.2 with LEFT
RIGHT = (20, 0, 30, 10)


def summary(proposals, objects):
    shares = np.full(len(objects), 0.04)
    return summarize(measure_coverage(as_boxes(proposals), as_boxes(objects)), shares)


def test_an_object_is_covered_from_an_iou_of_exactly_one_half():
    coverage = measure_coverage(as_boxes([LEFT_FIFTH, LEFT_HALF]), as_boxes([LEFT, RIGHT]))
    assert coverage.object_iou.tolist() == [0.5, 0.0]
    assert coverage.covered.tolist() == [True, False]
    assert coverage.first_hit_rank.tolist() == [1, -1]
    assert coverage.proposal_iou.tolist() == [0.2, 0.5]


def test_corloc_asks_the_top_proposal_only_and_the_detection_rate_all():
    measures = summary([LEFT_FIFTH, LEFT, RIGHT], [LEFT, RIGHT])
    assert measures["corloc"] is False
    assert measures["corloc_iou"] == 0.2
    assert measures["det_rate"] == 1.0
    assert measures["num_missed"] == 0
    assert summary([RIGHT, LEFT_FIFTH], [LEFT, RIGHT])["corloc"] is True


def test_the_mean_of_best_overlaps_counts_every_object():
    assert summary([LEFT_HALF], [LEFT, RIGHT])["best_iou_mean"] == 0.25
    assert summary([LEFT_HALF], [LEFT, RIGHT])["num_missed"] == 1


def test_an_image_without_proposals_fails_corloc_and_misses_every_object():
    values = summary([], [LEFT, RIGHT])
    assert (values["corloc"], values["det_rate"], values["num_missed"], values["num_proposals"]) == (False, 0.0, 2, 0)


def test_an_image_without_objects_has_no_rates():
    measures = summary([LEFT], [])
    assert measures == {"num_objects": 0, "num_proposals": 1, "num_missed": 0}


@pytest.mark.parametrize(
    ("best_iou", "expected"), [(0.5, "hit"), (0.4999, "partial"), (0.1, "partial"), (0.0999, "miss"), (0.0, "miss")]
)
def test_verdicts_change_at_one_tenth_and_one_half(best_iou, expected):
    assert verdict(best_iou) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, "tiny"), (0.0099, "tiny"), (0.01, "small"), (0.05, "medium"), (0.2, "large"), (1.0, "large")],
)
def test_sizes_change_at_one_five_and_twenty_per_cent(share, expected):
    assert size_class(share) == expected


def test_a_crop_shows_the_share_of_the_object_and_not_of_itself():
    crops = as_boxes([(0, 0, 5, 10), (0, 0, 100, 100), (50, 50, 60, 60)])
    assert shown_share(crops, as_boxes([LEFT])).tolist() == [0.5, 1.0, 0.0]
    assert shown_share(crops, as_boxes([])).tolist() == [0.0, 0.0, 0.0]


corners = arrays(np.float64, (4, 4), elements=st.floats(0, 50, allow_nan=False)).map(
    lambda raw: np.hstack([np.minimum(raw[:, :2], raw[:, 2:]), np.maximum(raw[:, :2], raw[:, 2:]) + 1])
)


@given(corners, corners)
def test_covered_objects_have_a_first_hit_that_covers_them_and_no_earlier_one(proposals, objects):
    coverage = measure_coverage(proposals, objects)
    overlap = iou(proposals, objects)
    for number, rank in enumerate(coverage.first_hit_rank):
        assert (rank >= 0) == coverage.covered[number]
        if rank >= 0:
            assert overlap[rank, number] >= 0.5
            assert (overlap[:rank, number] < 0.5).all()
