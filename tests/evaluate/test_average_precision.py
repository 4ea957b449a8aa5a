"""Average precision against scikit-learn, slow loops and hand-made cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from objectcrop.evaluate.average_precision import (
    Positives,
    _num_at_most,
    average_precision,
    average_precisions,
    macro_map,
    map_batched,
    micro_ap,
)


def drawn(seed, num=60, classes=5, levels=None):
    rng = np.random.default_rng(seed)
    scores = (
        rng.normal(size=(num, classes)) if levels is None else rng.integers(0, levels, (num, classes)).astype(float)
    )
    return scores, rng.random((num, classes)) < 0.3


def slow_batched(scores, labels, batch):
    """The release's metric as plain loops."""
    values, weights = [], []
    for start in range(0, len(scores), batch):
        batch_scores, batch_labels = scores[start : start + batch], labels[start : start + batch]
        per_class = []
        for column in range(scores.shape[1]):
            ranked = sorted(range(len(batch_scores)), key=lambda row: -batch_scores[row, column])
            hits, precisions = 0, []
            for rank, row in enumerate(ranked, start=1):
                if batch_labels[row, column]:
                    hits += 1
                    precisions.append(hits / rank)
            if precisions:
                per_class.append(sum(precisions) / len(precisions))
        if per_class:
            values.append(sum(per_class) / len(per_class))
            weights.append(len(batch_scores))
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), num=st.integers(2, 40), levels=st.sampled_from([None, 2, 5]))
def test_equals_scikit_learn_with_and_without_ties(seed, num, levels):
    scores, labels = drawn(seed, num, 1, levels)
    labels[0] = True
    expected = average_precision_score(labels[:, 0], scores[:, 0])
    assert average_precision(scores[:, 0], labels[:, 0]) == pytest.approx(expected, abs=1e-12)


def test_a_thousand_cases_of_many_classes_equal_scikit_learn_class_by_class():
    rng = np.random.default_rng(11)
    for case in range(1000):
        levels = [None, 2, 6, 40][case % 4]
        scores, labels = drawn(int(rng.integers(1 << 30)), int(rng.integers(2, 80)), int(rng.integers(1, 8)), levels)
        scores = scores.astype([np.float32, np.float64][case % 3 == 0])
        labels[rng.integers(len(labels)), 0] = True
        for column, value in enumerate(average_precisions(scores, labels)):
            if labels[:, column].any():
                assert abs(value - average_precision_score(labels[:, column], scores[:, column])) < 1e-9
            else:
                assert np.isnan(value)
        assert abs(micro_ap(scores, labels) - average_precision_score(labels, scores, average="micro")) < 1e-9


@settings(max_examples=200)
@given(
    ranked=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=30),
    scores=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
)
def test_images_below_each_positive_are_counted_as_by_a_search(ranked, scores):
    ranked, scores = np.sort(np.array(ranked, dtype=np.float32)), np.array(scores + ranked, dtype=np.float32)
    for cells in (1, 2, 16):
        assert (_num_at_most(ranked, scores, cells) == np.searchsorted(ranked, scores, side="right")).all()


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), num=st.integers(3, 30), levels=st.sampled_from([None, 3]))
def test_the_influence_is_the_derivative_by_the_weight_of_each_image(seed, num, levels):
    scores, labels = (values[:, 0] for values in drawn(seed, num, 1, levels))
    labels[0] = True

    def weighted(row, step):
        weights = np.ones(num)
        weights[row] += step
        return average_precision_score(labels, scores, sample_weight=weights)

    slopes = [(weighted(row, 1e-5) - weighted(row, -1e-5)) / 2e-5 for row in range(num)]
    influence = Positives.of(scores, labels).influence()
    assert influence == pytest.approx(slopes, abs=1e-7)
    assert influence.sum() == pytest.approx(0, abs=1e-12)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([None, 3]))
def test_of_some_positives_the_others_are_left_out(seed, levels):
    scores, labels = (values[:, 0] for values in drawn(seed, 40, 1, levels))
    positives = Positives.of(scores, labels)
    wanted = np.random.default_rng(seed).random(len(positives.rows)) < 0.5
    kept = np.ones(40, dtype=bool)
    kept[positives.rows[~wanted]] = False
    if wanted.any():
        expected = average_precision_score(labels[kept], scores[kept])
        assert positives.of_some(wanted) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(positives.of_some(np.zeros_like(wanted)))


def test_a_hand_made_ranking():
    # positives at ranks 1, 3 and 4: (1/1 + 2/3 + 3/4) / 3
    labels = np.array([True, False, True, True, False])
    assert average_precision(np.array([5.0, 4, 3, 2, 1]), labels) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_the_order_of_images_does_not_matter_even_with_ties():
    scores, labels = drawn(1, 50, 3, levels=3)
    order = np.random.default_rng(2).permutation(50)
    assert average_precisions(scores, labels) == pytest.approx(average_precisions(scores[order], labels[order]))


def test_equal_scores_everywhere_give_the_prevalence():
    labels = np.array([True, False, False, True])
    assert average_precision(np.zeros(4), labels) == 0.5


def test_a_class_without_a_positive_is_none_and_skipped():
    scores, labels = drawn(3, 30, 3)
    labels[:, 1] = False
    aps = average_precisions(scores, labels)
    assert np.isnan(aps).tolist() == [False, True, False]
    assert macro_map(scores, labels) == pytest.approx((aps[0] + aps[2]) / 2)


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("batch", [1, 7, 16, 60, 100])
def test_the_released_metric_equals_its_loops(batch, levels):
    scores, labels = drawn(4, levels=levels)
    labels[:, 2] = False
    labels[14:21] = False  # a batch of 7 without any positive
    assert map_batched(scores, labels, batch) == pytest.approx(slow_batched(scores, labels, batch), abs=1e-12)


def test_in_one_batch_without_ties_both_metrics_agree():
    scores, labels = drawn(5)
    assert map_batched(scores, labels, 60) == pytest.approx(macro_map(scores, labels), abs=1e-12)


def test_small_batches_flatter_as_the_spec_simulated():
    rng = np.random.default_rng(0)
    labels = rng.random((2048, 50)) < 0.03
    scores = rng.normal(size=labels.shape) + 1.5 * labels
    whole, by_256, by_32 = macro_map(scores, labels), map_batched(scores, labels, 256), map_batched(scores, labels, 32)
    assert whole < by_256 < by_32
    assert by_32 > whole + 0.2


def test_nothing_to_measure_is_an_error():
    scores, labels = drawn(6)
    with pytest.raises(ValueError, match="not defined"):
        macro_map(scores, np.zeros_like(labels))
    with pytest.raises(ValueError, match="not defined"):
        map_batched(scores, np.zeros_like(labels), 8)
    with pytest.raises(ValueError, match="not defined"):
        micro_ap(scores, np.zeros_like(labels))
    with pytest.raises(ValueError, match="expected one equal"):
        average_precisions(scores, labels[:-1])


def test_a_diverged_layer_is_distinguished_from_a_bad_one():
    scores, labels = drawn(7)
    scores[3, 1] = np.nan
    with pytest.raises(ValueError, match="diverged"):
        macro_map(scores, labels)
