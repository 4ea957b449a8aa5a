"""The vote of the nearest training images, against scikit-learn's."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.neighbors import KNeighborsClassifier

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.evaluate.linear.neighbours import neighbour_scores
from objectcrop.evaluate.linear.states import FEATURES, States
from objectcrop.study.settings.tasks import KnnSettings
from tests.evaluate.linear.conftest import CPU, SEEDS, backbone, results_of, settings


def drawn(rng, num_train=90, num_test=70, num_features=6):
    return tuple(torch.from_numpy(rng.normal(size=(n, num_features)).astype(np.float32)) for n in (num_train, num_test))


def as_shown(labels):
    return csr_array(labels.astype(np.uint8) * 3)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (7, 0.07), (90, 1.0)])
def test_one_class_an_image_equals_scikit_learn(k, temperature):
    rng = np.random.default_rng(0)
    train, test = drawn(rng)
    classes = np.arange(90) % 4
    oracle = KNeighborsClassifier(
        n_neighbors=k, metric="cosine", weights=lambda distances: np.exp((1 - distances) / temperature)
    ).fit(train.numpy(), classes)
    settings = KnnSettings(num_neighbours=k, temperature=temperature)
    scores = neighbour_scores(train, as_shown(np.eye(4)[classes]), test, settings)
    np.testing.assert_allclose(scores, oracle.predict_proba(test.numpy()), atol=1e-5)
    assert (scores.argmax(axis=1) == oracle.predict(test.numpy())).all()


def test_several_classes_an_image_equal_scikit_learn():
    rng = np.random.default_rng(1)
    train, test = drawn(rng)
    labels = rng.random((90, 3)) < 0.4
    oracle = KNeighborsClassifier(
        n_neighbors=5, metric="cosine", weights=lambda distances: np.exp((1 - distances) / 0.1)
    )
    expected = np.stack(
        [of_class[:, 1] for of_class in oracle.fit(train.numpy(), labels).predict_proba(test.numpy())], axis=1
    )
    scores = neighbour_scores(train, as_shown(labels), test, KnnSettings(num_neighbours=5, temperature=0.1))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_a_vote_by_hand():
    train = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
    # cosine similarities 0.8, 0.6, -0.8: the third does not vote
    scores = neighbour_scores(
        train, as_shown(np.eye(3)), torch.tensor([[8.0, 6.0]]), KnnSettings(num_neighbours=2, temperature=0.5)
    )
    first, second = np.exp(0.8 / 0.5), np.exp(0.6 / 0.5)
    np.testing.assert_allclose(scores, [[first / (first + second), second / (first + second), 0]], rtol=1e-5)


def test_more_neighbours_than_images_are_all_of_them():
    train, test = drawn(np.random.default_rng(2), num_train=8)
    labels = as_shown(np.eye(4)[np.arange(8) % 4])
    many, all_of_them = (neighbour_scores(train, labels, test, KnnSettings(num_neighbours=k)) for k in (200, 8))
    assert (many == all_of_them).all()


@pytest.mark.parametrize("labels", ["multi", "single"])
def test_the_probe_needs_no_layer_no_rate_and_no_held_out_images(data, tables, tmp_path, monkeypatch, labels):
    def step(*_: object) -> None:
        raise AssertionError("it trains a layer")

    monkeypatch.setattr(LinearLayers, "step", step)
    if labels == "single":
        manifest, annotations = tables
        data = Data.of(manifest, annotations.drop_duplicates("image_id"), tmp_path)
    task = settings(probe="knn", labels=labels, knn={"num_neighbours": 5}, learning_rates=[3.0, 1.0])
    results = results_of(backbone(), data, task, SEEDS, device=CPU)
    assert set(results["metrics"]) == set(task.metrics)
    assert "learning_rate" not in task.metrics
    assert results["details"]["num_held_out"] == 0
    assert results["metrics"]["top1" if labels == "single" else "map"] > 80


def test_its_features_are_kept_for_the_next_start(data, tmp_path):
    task = settings(probe="knn")
    whole = results_of(backbone(), data, task, SEEDS, device=CPU, states=States(tmp_path))
    assert {path.name.split("-")[1] for path in tmp_path.glob(FEATURES)} == {"train", "test"}
    assert results_of(backbone(), data, task, SEEDS, device=CPU, states=States(tmp_path)) == whole
