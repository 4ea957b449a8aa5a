"""Pixel counts against a slow loop and scikit-learn, and intervals of the mean IoU."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import confusion_matrix, jaccard_score

from objectcrop.data.class_maps import IGNORED
from objectcrop.evaluate.segmentation.metrics import PixelCounts, confusion, interval

NUM = 4
targets = st.sampled_from([*range(NUM), IGNORED])
masks = arrays.arrays(np.uint8, (5, 6), elements=targets)
predictions = arrays.arrays(np.uint8, (5, 6), elements=st.integers(0, NUM - 1))


def slow_confusion(true, predicted):
    counts = np.zeros((NUM, NUM), dtype=int)
    for row in range(true.shape[0]):
        for column in range(true.shape[1]):
            if true[row, column] != IGNORED:
                counts[true[row, column], predicted[row, column]] += 1
    return counts


@given(masks, predictions)
def test_the_confusion_matrix_is_that_of_a_slow_loop_and_of_sklearn(true, predicted):
    counts = confusion(true, predicted, NUM)
    np.testing.assert_array_equal(counts, slow_confusion(true, predicted))
    counted = true != IGNORED
    if counted.any():
        theirs = confusion_matrix(true[counted], predicted[counted], labels=range(NUM))
        np.testing.assert_array_equal(counts, theirs)


@given(st.lists(st.tuples(masks, predictions), min_size=1, max_size=4))
def test_class_ious_of_several_images_are_sklearns_over_all_pixels(pairs):
    true, predicted = (np.concatenate([pair[place].ravel() for pair in pairs]) for place in (0, 1))
    predicted, true = predicted[true != IGNORED], true[true != IGNORED]
    counts = PixelCounts.of([confusion(*pair, NUM) for pair in pairs])
    if not len(true):
        with pytest.raises(ValueError, match="no pixel of the test images has a class"):
            counts.mean_iou()
        return
    ious = counts.class_ious()
    shown = np.unique(true)
    expected = jaccard_score(true, predicted, labels=shown, average=None, zero_division=0)
    np.testing.assert_allclose(ious[shown], expected)
    assert np.isnan(np.delete(ious, shown)).all()
    assert counts.mean_iou() == pytest.approx(expected.mean())
    assert counts.pixel_accuracy() == pytest.approx((true == predicted).mean())


def test_by_hand():
    true = np.array([[0, 0, 1, 1], [0, 0, 1, IGNORED]], dtype=np.uint8)
    predicted = np.array([[0, 0, 0, 1], [0, 2, 1, 1]], dtype=np.uint8)
    counts = PixelCounts.of([confusion(true, predicted, 4)])
    np.testing.assert_array_equal(counts.class_ious(), [3 / 5, 2 / 3, np.nan, np.nan])
    assert counts.mean_iou() == pytest.approx((3 / 5 + 2 / 3) / 2)
    assert counts.pixel_accuracy() == pytest.approx(5 / 7)


@given(st.lists(masks, min_size=1, max_size=3), st.integers(0, NUM - 1))
def test_counts_of_one_class_everywhere_are_those_of_that_prediction(images, place):
    empty = [confusion(mask, np.zeros_like(mask), NUM) for mask in images]
    expected = PixelCounts.of([confusion(mask, np.full_like(mask, place), NUM) for mask in images])
    always = PixelCounts.of(empty).if_always(place)
    for name in ("right", "true", "predicted"):
        np.testing.assert_array_equal(getattr(always, name), getattr(expected, name))


def random_counts(num_images, rng, skill):
    """Images of two classes, half the pixels each, of which a random share is predicted right."""
    right = rng.binomial(50, np.clip(rng.normal(skill, 0.15, size=(num_images, 2)), 0, 1))
    return PixelCounts(right, np.full_like(right, 50), right + 50 - right[:, ::-1])


def test_the_interval_covers_the_mean_iou_of_many_images():
    """Nominal 95%; of 60 draws of 60 images at least 52 cover (binomial: fewer in 0.4% of cases)."""
    rng = np.random.default_rng(0)
    truth = random_counts(200_000, rng, 0.7).mean_iou()
    intervals = [interval(random_counts(60, rng, 0.7).resampled()) for _ in range(60)]
    assert 52 <= sum(low <= truth <= high for low, high in intervals) <= 60


def test_draws_of_two_predictions_on_the_same_images_are_pairs():
    rng = np.random.default_rng(1)
    counts = random_counts(40, rng, 0.6)
    low, high = interval(counts.resampled() - counts.resampled())
    assert low == high == 0
    low, high = interval(counts.resampled() - counts.if_always(0).resampled())
    assert 0 < low < counts.mean_iou() - counts.if_always(0).mean_iou() < high
