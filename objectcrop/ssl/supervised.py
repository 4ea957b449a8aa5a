"""Supervised training, the upper line of the tables: labels of whole scenes."""

from torch import Tensor, nn

from objectcrop.runtime.distributed import World
from objectcrop.ssl.backbones import Backbone, build_backbone
from objectcrop.ssl.inputs import LabelledBatch, normalise
from objectcrop.ssl.losses import label_loss
from objectcrop.ssl.method import Method, StepLosses, precision
from objectcrop.study.runs import Run


class Classifier(nn.Module):
    """Trunk and a linear layer."""

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.fc = nn.Linear(backbone.num_features, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, num_classes), of uint8 images."""
        found: Tensor = self.fc(self.backbone(normalise(images)))
        return found


class Supervised(Method):
    """Plain batch norm over the device's batch; binary cross-entropy where pictures have several classes."""

    def __init__(self, run: Run, *, num_classes: int, world: World) -> None:
        super().__init__()
        self.run, self.world = run, world
        self.network = Classifier(build_backbone(run.backbone), num_classes)
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
