"""Differences of several linear evaluations on the same images."""

import numpy as np
import pytest

from objectcrop.evaluate.linear.comparison import Contributions, paired_intervals, read_contributions
from objectcrop.evaluate.linear.measure import ScoredImages, measure
from objectcrop.evaluate.linear.scores import write_scores

RNG = np.random.default_rng(2)
VECTORS = [RNG.random(50) for _ in range(3)]


def of(values):
    return Contributions("same", {"map": values})


def test_several_evaluations_count_with_the_mean_of_each_image():
    first, second, other = VECTORS
    several = paired_intervals([of(first), of(second)], [of(other)])
    assert several == paired_intervals([of((first + second) / 2)], [of(other)])
    low, high = several["map"]
    assert low < 100 * ((first + second) / 2 - other).mean() < high


def test_the_other_way_round_is_the_negative():
    low, high = paired_intervals([of(VECTORS[0])], [of(VECTORS[1])])["map"]
    assert paired_intervals([of(VECTORS[1])], [of(VECTORS[0])])["map"] == pytest.approx((-high, -low))


def test_an_evaluation_does_not_differ_from_itself():
    assert paired_intervals([of(VECTORS[0])], [of(VECTORS[0])]) == {"map": (0.0, 0.0)}


def test_evaluations_of_other_images_are_rejected():
    with pytest.raises(ValueError, match="not of the same test images, classes and labels"):
        paired_intervals([of(VECTORS[0])], [of(VECTORS[1])._replace(images="others")])


SCORED = ScoredImages(
    tuple(f"i{n}" for n in range(20)),
    ("a", "b"),
    RNG.normal(size=(20, 2)).astype(np.float32),
    np.eye(2, dtype=np.uint8)[RNG.integers(0, 2, 20)],
    is_single=True,
)


def read(tmp_path, test):
    write_scores(tmp_path / "s.npz", test)
    return read_contributions(tmp_path / "s.npz")


def test_what_the_images_of_a_file_add_is_the_metric_in_the_mean(tmp_path):
    values = read(tmp_path, SCORED).values
    metrics = measure(SCORED).metrics
    assert {name: 100 * vector.mean() for name, vector in values.items()} == pytest.approx(
        {name: metrics[name] for name in ("map", "top1", "top5")}, abs=0.01
    )


@pytest.mark.parametrize(
    "change",
    [
        {"image_ids": SCORED.image_ids[::-1]},
        {"class_ids": ("a", "c")},
        {"shown": np.roll(SCORED.shown, 1, axis=0)},
        {"is_single": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_images_classes_or_labels_have_another_digest_and_other_scores_the_same(tmp_path, change):
    whole = read(tmp_path, SCORED).images
    assert read(tmp_path, SCORED._replace(scores=-SCORED.scores)).images == whole
    assert read(tmp_path, SCORED._replace(**change)).images != whole
