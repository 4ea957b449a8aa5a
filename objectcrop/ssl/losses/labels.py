"""The loss of supervised training."""

from torch import Tensor
from torch.nn import functional as F

from objectcrop.ssl.losses.widening import widened


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
