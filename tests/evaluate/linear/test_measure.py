"""Metrics of a layer's scores, and their intervals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, top_k_accuracy_score

from objectcrop.evaluate.average_precision import macro_map
from objectcrop.evaluate.linear.comparison import compare_scores
from objectcrop.evaluate.linear.labels import shown_classes
from objectcrop.evaluate.linear.measure import ScoredImages, contributions, intervals_of, measure, rank, top_k
from objectcrop.evaluate.linear.scores import write_scores
from objectcrop.tables import ANNOTATIONS, IMAGE_LABEL
from workflow_scripts.compare_scores import main


def scored(scores, shown, *, is_single=False):
    ids = tuple(map(str, range(len(scores)))), tuple(map(str, range(scores.shape[1])))
    return ScoredImages(*ids, scores.astype(np.float32), shown.astype(np.uint8), is_single)


def drawn(rng, num_images=400, num_classes=5, separation=1.5):
    """Scores whose mAP over all images that there could be is known from very many of them."""
    labels = rng.random((num_images, num_classes)) < np.linspace(0.1, 0.4, num_classes)
    difficulty = rng.normal(size=(num_images, 1))  # what makes an image hard for every layer
    scores = 0.7 * difficulty + rng.normal(size=labels.shape) + separation * labels
    return scores, labels


def box(image_id, class_id, x1, y1, x2, y2, *, group=False, crowd=False, source="s"):
    return (image_id, class_id, x1, y1, x2, y2, group, crowd, False, source, "test")


def codes(*boxes, width=200, height=100):
    images = pd.DataFrame({"image_id": ["a", "b"], "width_px": [width, 100], "height_px": [height, 100]})
    annotations = pd.DataFrame(list(boxes), columns=list(ANNOTATIONS.columns))
    return shown_classes(images, annotations, ["cat", "dog"]).toarray().tolist()


def test_the_largest_object_of_a_class_gives_its_size_in_pixels_of_the_image():
    assert codes(box("a", "cat", 0, 0, 0.1, 0.5), box("a", "dog", 0, 0, 0.5, 0.5)) == [[1, 2], [0, 0]]  # 1000, 5000
    assert codes(box("a", "cat", 0, 0, 1, 1), box("a", "cat", 0, 0, 0.1, 0.1)) == [[3, 0], [0, 0]]
    # on the bounds, 32 x 32 and 96 x 96 pixels: the larger size
    assert codes(box("b", "cat", 0, 0, 0.32, 0.32), box("b", "dog", 0, 0, 0.96, 0.96)) == [[0, 0], [2, 3]]


def test_what_is_no_box_of_one_object_in_the_image_shows_a_class_without_a_size():
    whole = (0, 0, 1, 1)
    assert codes(box("a", "cat", *whole, group=True), box("a", "dog", *whole, crowd=True)) == [[4, 4], [0, 0]]
    assert codes(box("a", "cat", *whole, source=IMAGE_LABEL), box("a", "dog", 1.5, 0, 1.7, 1)) == [[4, 4], [0, 0]]
    assert codes(box("a", "cat", *whole, group=True), box("a", "cat", 0, 0, 0.1, 0.1)) == [[1, 0], [0, 0]]
    assert codes(box("a", "cat", 0.9, 0.5, 40, 1)) == [[1, 0], [0, 0]]  # 20 x 50 pixels are inside
    assert codes(box("c", "cat", *whole), box("a", "cow", *whole)) == [[0, 0], [0, 0]]


def test_of_each_size_images_of_other_sizes_are_left_out():
    rng = np.random.default_rng(0)
    scores, labels = drawn(rng, 200, 3)
    shown = labels * rng.integers(1, 5, labels.shape)
    metrics = measure(scored(scores, shown)).metrics
    for code, name in ((1, "small"), (2, "medium"), (3, "large")):
        aps = []
        for column in range(3):
            kept = np.isin(shown[:, column], [0, code])
            aps.append(average_precision_score(shown[kept, column] == code, scores[kept, column].astype(np.float32)))
        assert metrics[f"map_{name}"] == pytest.approx(100 * np.mean(aps))
    assert measure(scored(scores, 2 * labels)).metrics["map_small"] is None


def test_top_five_and_top_one_equal_scikit_learn():
    rng = np.random.default_rng(1)
    scores, classes = rng.normal(size=(300, 9)).astype(np.float32), rng.integers(0, 9, 300)
    metrics = measure(scored(scores, np.eye(9)[classes], is_single=True)).metrics
    for k in (1, 5):
        expected = top_k_accuracy_score(classes, scores, k=k, labels=range(9))
        assert metrics[f"top{k}"] == pytest.approx(100 * expected)
    assert (top_k(scores, classes, 1) == (scores.argmax(axis=1) == classes)).all()
    assert top_k(np.zeros((2, 3)), np.array([0, 2]), 1).tolist() == [True, False]  # of equal scores the first


def test_contributions_have_the_metric_as_mean_and_follow_the_images_that_are_drawn():
    rng = np.random.default_rng(2)
    scores, labels = drawn(rng, 3000, 20)
    values = rank(scores, labels.astype(np.uint8)).contributions
    assert values.mean() == pytest.approx(macro_map(scores, labels), abs=1e-12)
    drawn_again, linear = [], []
    for _ in range(60):
        rows = rng.integers(len(scores), size=len(scores))
        drawn_again.append(macro_map(scores[rows], labels[rows]))
        linear.append(values[rows].mean())
    assert np.corrcoef(drawn_again, linear)[0, 1] > 0.99
    assert np.std(linear) == pytest.approx(np.std(drawn_again), rel=0.1)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """200 drawn test splits: 95 % of the intervals hold the truth, 190 of 200 with a deviation of 3."""
    rng = np.random.default_rng(3)
    truth = 100 * macro_map(*drawn(rng, 100_000))
    ends = [intervals_of({"map": contributions(scored(*drawn(rng)))["map"]})["map"] for _ in range(200)]
    assert 180 <= sum(low <= truth <= high for low, high in ends) <= 199


def pair(rng, num_images=400):
    first, labels = drawn(rng, num_images)
    return first, first + rng.normal(size=first.shape, scale=0.3) + 0.3 * labels, labels


def test_intervals_of_differences_hold_the_truth_and_are_narrower_than_unpaired_ones():
    rng = np.random.default_rng(4)
    many = pair(rng, 100_000)
    truth = 100 * (macro_map(many[1], many[2]) - macro_map(many[0], many[2]))
    num_held, widths = 0, []
    for _ in range(120):
        first, second, labels = pair(rng)
        values = [contributions(scored(scores, labels))["map"] for scores in (first, second)]
        low, high = intervals_of({"difference": values[1] - values[0]})["difference"]
        num_held += low <= truth <= high
        widths.append(high - low)
    assert 107 <= num_held <= 119
    low, high = intervals_of({"map": values[0]})["map"]
    assert np.mean(widths) < 0.7 * (high - low)


def test_two_files_of_scores_are_compared_image_by_image(tmp_path, capsys):
    first, second, labels = pair(np.random.default_rng(5))
    paths = tmp_path / "a.npz", tmp_path / "b.npz"
    for path, scores in zip(paths, (first, second), strict=True):
        write_scores(path, scored(scores, labels))
    (difference,) = compare_scores(*paths).values()
    assert difference.first == pytest.approx(100 * macro_map(first, labels), abs=0.05)
    assert difference.second == pytest.approx(100 * macro_map(second, labels), abs=0.05)
    assert difference.interval[0] < difference.second - difference.first < difference.interval[1]
    main([str(path) for path in paths])
    assert capsys.readouterr().out.startswith(f"map: {difference.first:.2f} and {difference.second:.2f}, difference +")
    write_scores(paths[1], scored(second, ~labels))
    with pytest.raises(ValueError, match="not of the same test images, classes and labels"):
        compare_scores(*paths)
