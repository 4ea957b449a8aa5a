"""Is the network collapsing? Spread, effective rank and neighbours of its features on a few fixed images."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.precision import autocast, widened
from objectcrop.ssl.samples.images import read_square
from objectcrop.study.settings.section import Precision

CHUNK = 64
NEIGHBOURS, TEMPERATURE = 20, 0.07  # of Wu et al. 2018


class Monitor:
    """Measures the features of whole images, resized to the side of a view, without augmentation.

    Args:
        paths: of the images.
        size_px: side of the view.
        device: that the trunk is on.
        labels: class indices, shape (N,), or 0 and 1, shape (N, classes): also vote among neighbours.
        precision: what the trunk computes in; the measures are float64.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        size_px: int,
        device: torch.device,
        labels: Tensor | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.paths, self.size_px, self.device, self.precision = paths, size_px, device, precision
        self.labels = None if labels is None else as_indicators(labels)
        self._images: Tensor | None = None  # uint8, decoded at the first use

    def measure(self, backbone: Backbone) -> dict[str, float]:
        """Return measures by name; none, with a warning, if features are not finite. The trunk's mode stays as it was."""
        features = self._features(backbone).cpu().double()
        if num_broken := int((~features.isfinite().all(dim=1)).sum()):
            print(
                f"warning: features of {num_broken} of {len(features)} monitored images are not finite in evaluation mode: "
                "running statistics or weights overflow; lower the learning rate, or use precision float32",
                file=sys.stderr,
                flush=True,
            )
            return {}
        measures = {"feature_std_share": std_share(features), "effective_rank": effective_rank(features)}
        if self.labels is not None:
            measures |= {
                "accuracy_knn": knn_accuracy(features, self.labels),
                "accuracy_knn_chance": chance(self.labels),
            }
        return measures

    @torch.no_grad()
    def _features(self, backbone: Backbone) -> Tensor:
        if self._images is None:
            self._images = torch.from_numpy(np.stack([read_square(path, self.size_px) for path in self.paths]))
        was_training = backbone.training
        backbone.eval()
        with autocast(self.precision, self.device):
            chunks = [backbone.view(part.to(self.device)).features for part in torch.split(self._images, CHUNK)]
        backbone.train(was_training)
        return torch.cat([widened(chunk) for chunk in chunks])


def std_share(features: Tensor) -> float:
    """Return the standard deviation of unit features, the mean over dimensions, times sqrt(dimensions).

    1 if directions fill the sphere evenly, 0 if all are alike (Chen and He 2021, arXiv:2011.10566, section 4.1).
    """
    unit = F.normalize(features, dim=1)
    return float(unit.std(dim=0, correction=0).mean() * features.shape[1] ** 0.5)


def effective_rank(features: Tensor) -> float:
    """Exp of the entropy of the centred features' singular values as shares (Roy and Vetterli 2007); 1 if there are none."""
    values = torch.linalg.svdvals(features - features.mean(dim=0))
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    return float(torch.exp(-torch.xlogy(shares, shares).sum()))


def knn_accuracy(features: Tensor, labels: Tensor, neighbours: int = NEIGHBOURS) -> float:
    """Share of rows one of whose classes wins the vote of its nearest other rows (Wu et al. 2018, arXiv:1805.01978).

    Args:
        features: shape (N, D); cosines are compared, a vote weighs exp(cosine / 0.07).
        labels: 0 and 1, shape (N, classes); a neighbour votes for each of its classes.
        neighbours: how many vote; all others if there are fewer.
    """
    unit = F.normalize(features, dim=1)
    cosines = (unit @ unit.T).fill_diagonal_(float("-inf"))
    nearest = cosines.topk(min(neighbours, len(features) - 1), dim=1)
    weights = torch.exp((nearest.values - 1) / TEMPERATURE)
    votes = torch.einsum("nk,nkc->nc", weights, labels[nearest.indices].to(weights.dtype))
    return float(labels.gather(1, votes.argmax(dim=1, keepdim=True)).double().mean())


def chance(labels: Tensor) -> float:
    """Return the share of rows that the most frequent class is right for."""
    return float(labels.double().mean(dim=0).max())


def as_indicators(labels: Tensor) -> Tensor:
    """Return class indices as 0 and 1, shape (N, classes), int64; indicators as they are."""
    return F.one_hot(labels) if labels.dim() == 1 else labels.long()
