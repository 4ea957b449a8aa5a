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
    queries, keys, queue = widened(queries), widened(keys), widened(queue)
    positive = (queries * keys).sum(dim=1, keepdim=True)
    negative = queries @ queue.T
    logits = torch.cat([positive, negative], dim=1) / temperature
    if same_tag_only:
        is_other = key_tags[:, None] != queue_tags[None, :]
        logits[:, 1:] = logits[:, 1:].masked_fill(is_other, float("-inf"))
    targets = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    with torch.no_grad():
        is_same = query_tags[:, None] == queue_tags[None, :]
        return_values = (
            (logits.argmax(dim=1) == 0).to(logits.dtype).mean(),
            positive.mean(),
            _mean_where(negative, is_same),
            _mean_where(negative, ~is_same),
        )
    return InfoNce(F.cross_entropy(logits, targets), *return_values)


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum() / mask.sum()
