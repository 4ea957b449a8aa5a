"""Losses, in float32 (float64 stays) whatever the networks run in."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from objectcrop.ssl.losses.widening import widened


class InfoNce(NamedTuple):
    """The loss, the mean of the rows', and what shows whether it learns; all are scalars."""

    loss: Tensor
    accuracy: Tensor  # share of rows whose positive beats every negative
    similarity_positive: Tensor
    similarity_same_tag: Tensor  # mean over pairs of a query and a negative with the query's own view tag; NaN if none
    similarity_other_tag: Tensor


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


def byol_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """Squared distance of unit vectors, the mean over rows, one direction (Grill et al. 2020, arXiv:2006.07733, equation 2).

    Args:
        predictions: of the online network, any length, shape (N, D).
        targets: of the target network, any length, without gradient, shape (N, D).
    """
    predictions, targets = F.normalize(widened(predictions), dim=1), F.normalize(widened(targets), dim=1)
    return (predictions - targets).square().sum(dim=1).mean()


def bank_loss(
    queries: Tensor, keys: Tensor, negatives: Tensor, is_own: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor]:
    """Softmax cross-entropy against rows of a memory bank, and the accuracy (Tian et al. 2020, arXiv:1906.05849).

    Args:
        queries: unit vectors of one kind of view, shape (N, D).
        keys: each one's row of the bank of the other kind, unit vectors, shape (N, D).
        negatives: rows of that bank, shape (M, D).
        is_own: where a negative is the query's own row and does not count, shape (N, M), bool.
        temperature: T.
    """
    queries, keys, negatives = widened(queries), widened(keys), widened(negatives)
    others = (queries @ negatives.T).masked_fill(is_own, float("-inf"))
    logits = torch.cat([(queries * keys).sum(dim=1, keepdim=True), others], dim=1) / temperature
    targets = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return F.cross_entropy(logits, targets), (logits.argmax(dim=1) == 0).to(logits.dtype).mean()


def nce_loss(
    queries: Tensor,
    keys: Tensor,
    noise: Tensor,
    is_own: Tensor,
    *,
    temperature: float,
    log_normaliser: float,
    num_rows: int,
) -> tuple[Tensor, Tensor]:
    """Noise-contrastive estimation against a memory bank, and the accuracy (Wu et al. 2018, arXiv:1805.01978, section 3.2).

    With P = exp(v.f / T) / Z and M of n rows drawn evenly as noise, a row is data with probability h = P / (P + M / n). The
    loss is -log h of the query's own row, minus the sum of log(1 - h) over the noise; the mean over queries. As in the
    formula, noise may draw the query's own row.

    Args:
        queries: unit vectors, shape (N, D).
        keys: each one's own row of the bank, unit vectors, shape (N, D).
        noise: rows that were drawn, shape (M, D).
        is_own: where a drawn row is the query's own, shape (N, M), bool; the accuracy passes these over.
        temperature: T.
        log_normaliser: log Z.
        num_rows: n, rows of the whole bank.
    """
    queries, keys, noise = widened(queries), widened(keys), widened(noise)
    offset = log_normaliser + math.log(len(noise) / num_rows)
    positive = (queries * keys).sum(dim=1) / temperature
    others = queries @ noise.T / temperature
    # h is the logistic function of log P - log(M / n)
    data, noises = F.logsigmoid(positive - offset), F.logsigmoid(offset - others)
    with torch.no_grad():
        hits = positive > others.masked_fill(is_own, float("-inf")).amax(dim=1)
    return -(data + noises.sum(dim=1)).mean(), hits.to(positive.dtype).mean()


def log_normaliser(queries: Tensor, noise: Tensor, *, temperature: float, num_rows: int) -> Tensor:
    """Log of Z, the sum of exp(v.f / T) over a bank's rows, estimated from some of them (Wu et al. 2018, equation 8).

    Args:
        queries: unit vectors, shape (N, D).
        noise: rows drawn evenly, shape (M, D).
        temperature: T.
        num_rows: of the whole bank.
    """
    similarities = widened(queries.detach()) @ widened(noise).T / temperature
    return torch.logsumexp(similarities.flatten(), dim=0) + math.log(num_rows / similarities.numel())


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum() / mask.sum()
