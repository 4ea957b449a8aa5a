"""Supervised training: how strongly labels of many classes move the trunk, and what an untrained network predicts."""

import pytest
import torch

from objectcrop.networks.backbones import seeded_weights
from objectcrop.ssl.methods.supervised import Supervised, count_label_rates, label_loss
from objectcrop.views.batches import LabelledBatch
from tests.ssl.wiring import setup_of

NUM_CLASSES, NUM_IMAGES = 208, 32


def multi_hot(per_image):
    """Labels of as many classes as OHMS has, frequent and rare ones, shape (N, 208), uint8."""
    rng = torch.Generator().manual_seed(3)
    probabilities = 1 / torch.arange(1, NUM_CLASSES + 1).float()
    chosen = torch.stack([torch.multinomial(probabilities, per_image, generator=rng) for _ in range(NUM_IMAGES)])
    return torch.zeros(NUM_IMAGES, NUM_CLASSES, dtype=torch.uint8).scatter_(1, chosen, 1)


def classifier_of(request_of, labels):
    run = request_of("supervised", backbone={"width": 0.5}).run
    with seeded_weights(0):
        return Supervised(setup_of(run, labels=labels))


def trunk_gradient(classifier, labels):
    """Length of the gradient of all the trunk's parameters."""
    rng = torch.Generator().manual_seed(4)
    images = torch.randint(0, 256, (NUM_IMAGES, 32, 32, 3), dtype=torch.uint8, generator=rng)
    classifier.step_losses(LabelledBatch(images, labels, torch.arange(NUM_IMAGES)), 0).total.backward()
    lengths = [parameter.grad.norm() for parameter in classifier.backbone.parameters()]
    return torch.stack(lengths).norm().item()


@pytest.mark.parametrize("per_image", [2, 4, 8])
def test_labels_of_208_classes_move_the_trunk_as_strongly_as_one_class_an_image_does(request_of, per_image):
    many, one = multi_hot(per_image), multi_hot(1).argmax(dim=1)
    reference = trunk_gradient(classifier_of(request_of, one), one)
    ratio = trunk_gradient(classifier_of(request_of, many), many) / reference
    assert 1 / 4 < ratio < 4


def test_an_untrained_classifier_expects_each_class_as_often_as_the_labels_name_it(request_of):
    labels = multi_hot(4)
    labels[:, 0], labels[:, 1] = 1, 0  # in every image, in none
    rates = (labels.sum(dim=0) + 1) / (NUM_IMAGES + 2)
    network = classifier_of(request_of, labels).network
    torch.testing.assert_close(network.fc.bias.sigmoid(), rates)


def test_one_class_an_image_leaves_the_biases_as_they_are_drawn(request_of):
    labels = multi_hot(1).argmax(dim=1)
    assert count_label_rates(labels) is None
    bias = classifier_of(request_of, labels).network.fc.bias
    assert bias.abs().max() <= 256**-0.5


def test_label_loss_of_several_classes_is_the_sum_over_classes_of_one_class_is_softmax_cross_entropy():
    torch.manual_seed(0)
    logits = torch.randn(3, 4, dtype=torch.float64)
    indices, hot = torch.tensor([0, 3, 1]), torch.tensor([[1, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 0]], dtype=torch.uint8)
    p = logits.sigmoid()
    slow = -torch.where(hot.bool(), p.log(), (1 - p).log()).sum(dim=1).mean()
    assert label_loss(logits, hot).item() == pytest.approx(slow.item(), abs=1e-10)
    chosen = logits.softmax(dim=1)[torch.arange(3), indices]
    assert label_loss(logits, indices).item() == pytest.approx(-chosen.log().mean().item(), abs=1e-10)
