"""The file of scores: metrics computed again from it are those of the result, to float16's precision."""

import random

import numpy as np
import pytest

from objectcrop.evaluate.linear.measure import ScoredImages, measure
from objectcrop.evaluate.linear.scores import read_scores, recompute_metrics, write_scores

NUM_IMAGES, NUM_CLASSES = 1500, 12


def scored(*, is_single=False, factor=1.0, num_images=NUM_IMAGES) -> ScoredImages:
    """Logits that are better than chance; of the last class there is no test image."""
    rng = np.random.default_rng(0)
    if is_single:
        labels = np.zeros((num_images, NUM_CLASSES), dtype=bool)
        labels[np.arange(num_images), rng.integers(0, NUM_CLASSES - 1, num_images)] = True
    else:
        labels = rng.random((num_images, NUM_CLASSES)) < 0.2
        labels[:, -1] = False
    scores = (rng.normal(-3, 2, labels.shape) + 2.5 * labels).astype(np.float32) * np.float32(factor)
    images = tuple(f"image-{number}" for number in range(num_images))
    shown = rng.integers(1, 5, labels.shape, dtype=np.uint8) * labels
    return ScoredImages(images, tuple(f"/m/{c}" for c in range(NUM_CLASSES)), scores, shown, is_single)


@pytest.mark.parametrize("is_single", [False, True])
@pytest.mark.parametrize("factor", [1.0, 1e5, 1e-6])
def test_recomputed_metrics_are_within_a_hundredth_of_a_point(tmp_path, is_single, factor):
    test = scored(is_single=is_single, factor=factor)
    measured = measure(test)
    write_scores(tmp_path / "s.npz", test)
    again = recompute_metrics(tmp_path / "s.npz")
    assert again.metrics == pytest.approx(measured.metrics, abs=0.01 if factor > 1e-3 else 5)
    assert again.metrics.keys() == measured.metrics.keys()
    assert measured.per_class["/m/11"] is again.per_class["/m/11"] is None
    assert ("top1" in again.metrics) == is_single


@pytest.mark.parametrize("factor", [1.0, 1e5, 1e30, 0.0])
def test_the_file_holds_ids_labels_and_scores_to_eleven_bits(tmp_path, factor):
    test = scored(factor=factor, num_images=37)
    write_scores(tmp_path / "s.npz", test)
    read = read_scores(tmp_path / "s.npz")
    assert (read.image_ids, read.class_ids, read.is_single) == (test.image_ids, test.class_ids, False)
    assert (read.shown == test.shown).all()
    np.testing.assert_allclose(read.scores, test.scores, rtol=2**-11, atol=2**-25 * max(1, np.abs(test.scores).max()))
    with np.load(tmp_path / "s.npz") as archive:
        assert archive["scores"].dtype == np.float16
        assert archive["packed_labels"].nbytes == 37 * 2
        assert archive["scale"] == 1 or factor > 1


def test_recomputed_metrics_are_exactly_those_of_the_rounded_scores(tmp_path):
    """So nothing but the rounding separates them: labels and columns are in place."""
    test = scored()
    rounded = test._replace(scores=test.scores.astype(np.float16).astype(np.float32))
    write_scores(tmp_path / "s.npz", test)
    assert recompute_metrics(tmp_path / "s.npz") == measure(rounded)


def outcome(path):
    try:
        return read_scores(path), ""
    except ValueError as error:
        return None, str(error)


def test_a_flip_is_an_error_with_the_name_of_the_file_or_no_change(tmp_path):
    path = tmp_path / "s.npz"
    write_scores(path, scored(num_images=40))
    whole, before, rng, num_rejected = path.read_bytes(), read_scores(path), random.Random(3), 0
    for _ in range(60):
        flipped = bytearray(whole)
        for place in rng.sample(range(len(whole)), 4):
            flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        read, message = outcome(path)
        num_rejected += read is None
        if read is None:
            assert message.startswith(f"{path}: not the scores of a linear evaluation, or damaged")
        else:
            assert read[:2] == before[:2]
            assert (read.scores == before.scores).all()
            assert (read.shown == before.shown).all()
    assert num_rejected > 40


def test_a_cut_file_and_another_one_are_rejected(tmp_path):
    path = tmp_path / "s.npz"
    write_scores(path, scored(num_images=10))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="rule evaluate_linear makes it"):
        read_scores(path)
    np.savez(path, scores=np.zeros(3))
    with pytest.raises(ValueError, match="rule evaluate_linear makes it"):
        read_scores(path)
    with pytest.raises(FileNotFoundError):
        read_scores(tmp_path / "none.npz")
