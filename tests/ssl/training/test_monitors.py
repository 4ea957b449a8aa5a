"""Measures of collapse: closed forms, an oracle, and what they say of a network."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch.nn import functional as F

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.ssl.training.monitors import Monitor, chance, effective_rank, knn_accuracy, std_share
from objectcrop.study.settings.runs import BackboneSettings


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_features_that_are_all_alike_have_no_spread_and_rank_one():
    alike = drawn(1, 16).repeat(40, 1)
    assert std_share(alike) == pytest.approx(0, abs=1e-12)
    assert effective_rank(alike) == pytest.approx(1, abs=1e-6)


def test_directions_all_over_the_sphere_have_spread_one():
    assert std_share(drawn(20_000, 32)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_the_effective_rank_counts_equal_directions(rank):
    axes = torch.linalg.qr(drawn(12, rank)).Q.T
    features = torch.cat([axes, -axes])
    assert effective_rank(features + drawn(1, 12)) == pytest.approx(rank, rel=1e-9)


def test_the_effective_rank_of_two_unequal_directions_is_the_formulas():
    features = torch.diag(torch.tensor([3.0, 1.0], dtype=torch.float64))
    features = torch.cat([features, -features])
    assert effective_rank(features) == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))


@pytest.mark.parametrize("neighbours", [1, 5, 20])
def test_the_vote_is_that_of_scikit_learn(neighbours):
    labels = torch.randint(0, 4, (60,), generator=torch.Generator().manual_seed(1))
    features = drawn(60, 8) + 1.2 * F.one_hot(labels, 8)
    unit = F.normalize(features, dim=1).numpy()
    hits = []
    for row in range(60):
        others = np.arange(60) != row
        # squared distances of unit vectors are 2 - 2 cosines
        oracle = KNeighborsClassifier(neighbours, weights=lambda far: np.exp(-(far**2) / 2 / 0.07))
        oracle.fit(unit[others], labels.numpy()[others])
        hits.append(oracle.predict(unit[[row]])[0] == labels[row].item())
    assert knn_accuracy(features, F.one_hot(labels), neighbours) == pytest.approx(np.mean(hits))
    assert 0.3 < np.mean(hits) < 1


def test_an_image_with_several_classes_is_right_with_any_of_them():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    labels = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    # the first row's neighbour votes for its second class; the second row's for two classes, of which the first wins, wrongly
    assert knn_accuracy(features, labels, neighbours=1) == 0.25
    assert chance(labels) == 0.5


@pytest.fixture
def trunk():
    with seeded_weights(0):
        return build_backbone(BackboneSettings(arch="resnet18", width=0.125), 2)


def test_monitoring_changes_nothing_of_the_trunk(tables, trunk):
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    labels = torch.tensor([0, 1] * 5)
    monitor = Monitor(
        [tables.data_root / f"i{number:02d}.png" for number in range(10)], 32, torch.device("cpu"), labels
    )
    first, second = monitor.measure(trunk.train()), monitor.measure(trunk)
    assert first == second
    assert trunk.training
    assert all(torch.equal(before[name], value) for name, value in trunk.state_dict().items())
    assert 1 < first["effective_rank"] < 10
    assert 0 < first["feature_std_share"] < 1
    assert first["accuracy_knn_chance"] == 0.5


def test_a_collapsed_trunk_is_reported(tables, trunk):
    paths = [tables.data_root / f"i{number:02d}.png" for number in range(10)]
    with torch.no_grad():
        trunk.bn1.weight.zero_()
        trunk.bn1.bias.fill_(1.0)
    measures = Monitor(paths, 32, torch.device("cpu")).measure(trunk)
    assert measures["feature_std_share"] < 1e-6


def test_features_that_are_not_finite_are_warned_about_and_end_nothing(tables, trunk, capsys):
    paths = [tables.data_root / f"i{number:02d}.png" for number in range(10)]
    with torch.no_grad():
        trunk.bn1.running_var.fill_(float("nan"))
    assert Monitor(paths, 32, torch.device("cpu")).measure(trunk) == {}
    assert "features of 10 of 10 monitored images are not finite in evaluation mode" in capsys.readouterr().err
