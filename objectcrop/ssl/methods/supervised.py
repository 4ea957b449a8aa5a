"""Supervised training, the upper line of the tables: labels of whole scenes."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.precision import widened
from objectcrop.ssl.methods.method import Method, Outputs, Setup, StepLosses, TrunkPasses
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import LabelledBatch


class Classifier(nn.Module):
    """Trunk and a linear layer.

    Args:
        backbone: the trunk.
        labels: of the training images, class indices, shape (N,), or 0 and 1, shape (N, classes). Of several classes an
            image, the linear layer's first biases are the log-odds of their rates; of one, they stay as they are drawn.
    """

    def __init__(self, backbone: Backbone, labels: Tensor) -> None:
        super().__init__()
        self.backbone, rates = backbone, count_label_rates(labels)
        num_classes = int(labels.max()) + 1 if labels.dim() == 1 else labels.shape[1]
        self.fc = nn.Linear(backbone.num_features, num_classes)
        if rates is not None:
            with torch.no_grad():
                self.fc.bias.copy_(torch.logit(rates))

    def forward(self, batch: LabelledBatch) -> Outputs:
        """Return logits, shape (N, classes)."""
        return Outputs(self.fc(self.backbone.view(batch.images).features))


class Supervised(Method):
    """Plain batch norm over the device's batch; binary cross-entropy where images have several classes (decision 0009)."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.labels is None:
            raise ValueError("a supervised run needs labels of its training images")
        self.network = Classifier(setup.build_trunk(), setup.labels)
        self.settle()

    def own_losses(self, outputs: Tensor, batch: LabelledBatch, step: int) -> StepLosses:
        """Compute the cross-entropy of the labels."""
        parts = {}
        if batch.labels.dim() == 1:
            parts["accuracy"] = (outputs.detach().argmax(dim=1) == batch.labels).float().mean()
        return StepLosses(label_loss(outputs, batch.labels), parts)

    @classmethod
    def count_passes(cls, run: Run) -> TrunkPasses:
        """Count one pass: there are no extra losses."""
        return TrunkPasses(1, 0)


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the cross-entropy of classes, the mean over images.

    One class an image: softmax cross-entropy. Several: binary cross-entropy, the sum over classes. A mean over classes would
    divide every gradient by their number, so that a learning rate made for cross-entropy trains nothing (decision 0009).

    Args:
        logits: shape (N, classes).
        labels: class indices, shape (N,), int64, or 0 and 1, shape (N, classes).
    """
    logits = widened(logits)
    if labels.dim() == 1:
        return F.cross_entropy(logits, labels)
    losses = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    return losses.sum(dim=1).mean()


def count_label_rates(labels: Tensor) -> Tensor | None:
    """Return the share of images with each class, shape (classes,), or None where every image has one class.

    One image with and one without the class are added to the count, so that no rate is 0 or 1 and every log-odds is finite.

    Args:
        labels: class indices, shape (N,), or 0 and 1, shape (N, classes).
    """
    if labels.dim() == 1:
        return None
    return (labels.sum(dim=0).to(torch.get_default_dtype()) + 1) / (len(labels) + 2)
