"""InfoNCE against a queue of negatives, in float32 (float64 stays) whatever the networks run in."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from objectcrop.runtime.precision import widened


class InfoNce(NamedTuple):
    """The loss, the mean of the rows', and what shows whether it learns; all are scalars."""

    loss: Tensor
    accuracy: Tensor  # share of rows whose positive beats every negative
    similarity_positive: Tensor
    similarity_same_tag: Tensor  # mean over pairs of a query and a negative with the query's own view tag; NaN if none
    similarity_other_tag: Tensor

    def parts(self) -> dict[str, Tensor]:
        """Return every value by name, to log, without gradient."""
        return {
            "loss_contrastive": self.loss.detach(),
            "accuracy_contrastive": self.accuracy,
            "similarity_positive": self.similarity_positive,
            "similarity_same_tag": self.similarity_same_tag,
            "similarity_other_tag": self.similarity_other_tag,
        }


def info_nce(
    queries: Tensor,
    keys: Tensor,
    queue: Tensor,
    *,
    temperature: float,
    query_tags: Tensor,
    key_tags: Tensor,
    queue_tags: Tensor,
    same_tag_only: bool = False,
) -> InfoNce:
    """InfoNCE with a queue of negatives (He et al. 2020, arXiv:1911.05722, equation 1).

    Args:
        queries: unit vectors, shape (N, D).
        keys: their positives, unit vectors, shape (N, D), without gradient.
        queue: negatives, unit vectors, shape (K, D).
        temperature: T.
        query_tags: view tags of the queries, shape (N,).
        key_tags: of the keys, shape (N,).
        queue_tags: of the queue, shape (K,).
        same_tag_only: count as negatives only the keys with the positive key's tag (OAC, section 4.1, see decision 0004).
    """
    positive, negative = _similarities(queries, keys, queue)
    logits = _logits(positive, negative, temperature, key_tags, queue_tags if same_tag_only else None)
    with torch.no_grad():
        is_same = query_tags[:, None] == queue_tags[None, :]
        return_values = (
            (logits.argmax(dim=1) == 0).to(logits.dtype).mean(),
            positive.mean(),
            _mean_where(negative, is_same),
            _mean_where(negative, ~is_same),
        )
    return InfoNce(_first_of(logits), *return_values)


def info_nce_loss(
    queries: Tensor,
    keys: Tensor,
    queue: Tensor,
    *,
    temperature: float,
    key_tags: Tensor,
    queue_tags: Tensor | None,
) -> Tensor:
    """Return the loss of `info_nce` alone: what else that computes moves as much memory again.

    Args:
        queries: unit vectors, shape (N, D).
        keys: their positives, unit vectors, shape (N, D), without gradient.
        queue: negatives, unit vectors, shape (K, D).
        temperature: T.
        key_tags: view tags of the keys, shape (N,).
        queue_tags: of the queue, shape (K,), where only keys with the positive key's tag count as negatives; else None.
    """
    return _first_of(_logits(*_similarities(queries, keys, queue), temperature, key_tags, queue_tags))


def _similarities(queries: Tensor, keys: Tensor, queue: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines of queries and their keys, shape (N, 1), and of queries and the queue, shape (N, K)."""
    queries, keys, queue = widened(queries), widened(keys), widened(queue)
    return (queries * keys).sum(dim=1, keepdim=True), queries @ queue.T


def _logits(
    positive: Tensor, negative: Tensor, temperature: float, key_tags: Tensor, queue_tags: Tensor | None
) -> Tensor:
    logits = torch.cat([positive, negative], dim=1) / temperature
    if queue_tags is not None:
        is_other = key_tags[:, None] != queue_tags[None, :]
        logits[:, 1:] = logits[:, 1:].masked_fill(is_other, float("-inf"))
    return logits


def _first_of(logits: Tensor) -> Tensor:
    """Cross-entropy where the first of each row is right, the mean over rows."""
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum() / mask.sum()
