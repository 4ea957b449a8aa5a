"""DenseCL's loss between positions of two maps (Wang et al. 2021, arXiv:2011.09157, section 3)."""

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from objectcrop.ssl.losses.contrastive import info_nce
from objectcrop.ssl.losses.widening import widened

MAX_LOGITS = 1 << 28
"""Logits that are held at once: 1 GiB in float32."""


@torch.no_grad()
def match_positions(query_map: Tensor, key_map: Tensor) -> Tensor:
    """The position of the key's map that is most alike, by cosine, to each of the query's (equation 4).

    Args:
        query_map: last map of the trunk, shape (N, C, H, W).
        key_map: the same of the other view.

    Returns:
        Indices into the key's H * W positions, shape (N, H * W), int64.
    """
    queries = F.normalize(widened(query_map).flatten(2), dim=1)
    keys = F.normalize(widened(key_map).flatten(2), dim=1)
    return torch.bmm(queries.transpose(1, 2), keys).argmax(dim=2)


def dense_info_nce(
    queries: Tensor,
    keys: Tensor,
    matches: Tensor,
    queue: Tensor,
    *,
    temperature: float,
    key_tags: Tensor,
    queue_tags: Tensor,
    same_tag_only: bool = False,
    max_logits: int = MAX_LOGITS,
) -> Tensor:
    """InfoNCE of every position against its match and a queue of pooled keys, the mean over images and positions.

    Where the logits would not fit, rows are taken in parts whose logits are computed again in the backward pass.

    Args:
        queries: unit vectors, shape (N, S, D).
        keys: unit vectors without gradient, shape (N, S, D).
        matches: which key each query is contrasted with, shape (N, S), from `match_positions`.
        queue: unit vectors, one for each image, shape (K, D).
        temperature: T.
        key_tags: view tags of the keys' images, shape (N,).
        queue_tags: of the queue, shape (K,).
        same_tag_only: count as negatives only keys with the positive key's tag.
        max_logits: what fits.
    """
    count, positions, dims = queries.shape
    positives = torch.gather(keys, 1, matches[:, :, None].expand(-1, -1, dims))

    def loss_of(some_queries: Tensor, some_keys: Tensor, tags: Tensor) -> Tensor:
        tags = tags.repeat_interleave(positions)
        return info_nce(
            some_queries.reshape(-1, dims),
            some_keys.reshape(-1, dims),
            queue,
            temperature=temperature,
            query_tags=tags,
            key_tags=tags,
            queue_tags=queue_tags,
            same_tag_only=same_tag_only,
        ).loss

    rows = max(1, max_logits // (positions * (len(queue) + 1)))
    if rows >= count:
        return loss_of(queries, positives, key_tags)
    parts = zip(*(torch.split(values, rows) for values in (queries, positives, key_tags)), strict=True)
    losses = [len(tags) * checkpoint(loss_of, q, k, tags, use_reentrant=False) for q, k, tags in parts]
    return torch.stack(losses).sum() / count
