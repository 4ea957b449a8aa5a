"""Supervised training, the upper line of the tables: labels of whole scenes."""

import torch
from torch import Tensor, nn

from objectcrop.runtime.distributed import World
from objectcrop.ssl.losses.labels import label_loss
from objectcrop.ssl.methods.method import Method, StepLosses, precision
from objectcrop.ssl.networks.backbones import Backbone, build_backbone
from objectcrop.ssl.samples.batches import LabelledBatch, normalise
from objectcrop.study.settings.runs import Run


class Classifier(nn.Module):
    """Trunk and a linear layer."""

    def __init__(self, backbone: Backbone, num_classes: int, label_rates: Tensor | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.fc = nn.Linear(backbone.num_features, num_classes)
        if label_rates is not None:
            with torch.no_grad():
                self.fc.bias.copy_(torch.logit(label_rates))

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, num_classes), of uint8 images."""
        found: Tensor = self.fc(self.backbone(normalise(images)))
        return found


class Supervised(Method):
    """Plain batch norm over the device's batch; binary cross-entropy where images have several classes (decision 0009).

    Args:
        run: its settings.
        num_classes: outputs of the linear layer.
        world: the processes.
        label_rates: how often each class is to be expected before anything is learnt, inside 0..1, shape (classes,): the
            linear layer's first biases are its log-odds. None, for one class an image, leaves the biases as they are drawn.
    """

    def __init__(self, run: Run, *, num_classes: int, world: World, label_rates: Tensor | None = None) -> None:
        super().__init__()
        self.run, self.world = run, world
        self.network = Classifier(build_backbone(run.backbone), num_classes, label_rates)
        self._settle(self.network, world)

    @property
    def backbone(self) -> Backbone:
        """The classifier's trunk."""
        return self.network.backbone

    def step_losses(self, batch: LabelledBatch, step: int) -> StepLosses:
        """Loss of a step."""
        with precision(self.run, self.world):
            logits = self._forward(batch.images)
        loss = label_loss(logits, batch.labels)
        parts = {"loss": loss.detach()}
        if batch.labels.dim() == 1:
            parts["accuracy"] = (logits.detach().argmax(dim=1) == batch.labels).float().mean()
        return StepLosses(loss, parts)


def count_label_rates(labels: Tensor) -> Tensor | None:
    """Return the share of images with each class, shape (classes,), or None where every image has one class.

    One image with and one without the class are added to the count, so that no rate is 0 or 1 and every log-odds is finite.

    Args:
        labels: class indices, shape (N,), or 0 and 1, shape (N, classes).
    """
    if labels.dim() == 1:
        return None
    return (labels.sum(dim=0).to(torch.get_default_dtype()) + 1) / (len(labels) + 2)
