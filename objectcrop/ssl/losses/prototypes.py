"""SwAV's codes and loss (Caron et al. 2020, arXiv:2006.09882, section 3), written from the paper's formulas."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from objectcrop.ssl.losses.widening import widened


def _as_it_is(values: Tensor) -> Tensor:
    return values


@torch.no_grad()
def sinkhorn(
    scores: Tensor,
    *,
    epsilon: float,
    num_iterations: int,
    summed: Callable[[Tensor], Tensor] = _as_it_is,
) -> Tensor:
    """Soft assignments of embeddings to prototypes that use all prototypes equally (equations 3 to 5).

    Args:
        scores: cosines of this process's embeddings and the prototypes, shape (B, K); not divided by a temperature.
        epsilon: smoothness; smaller is sharper.
        num_iterations: of the Sinkhorn-Knopp scaling.
        summed: adds a tensor up over the processes, whose rows together are the batch.

    Returns:
        Codes of this process's rows, shape (B, K); every row adds up to 1.
    """
    plan = torch.exp(widened(scores) / epsilon)
    num_rows = summed(torch.tensor(float(len(plan)), dtype=plan.dtype, device=plan.device))
    plan = plan / summed(plan.sum())
    for _ in range(num_iterations):
        plan = plan / summed(plan.sum(dim=0)) / plan.shape[1]
        plan = plan / plan.sum(dim=1, keepdim=True) / num_rows
    return plan * num_rows


def swapped_prediction(scores: Sequence[Tensor], codes: Sequence[Tensor], *, temperature: float) -> Tensor:
    """Cross-entropy of each crop's prediction and the codes of another crop (equations 1, 6).

    The mean over the crops with codes of the mean over all other crops.

    Args:
        scores: cosines of each crop's embeddings and the prototypes, shape (N, K) each.
        codes: of the first of these crops, shape (N, K) each, without gradient.
        temperature: T of the softmax.
    """
    predictions = [torch.log_softmax(widened(found) / temperature, dim=1) for found in scores]
    losses = [
        -(code * prediction).sum(dim=1).mean()
        for target, code in enumerate(codes)
        for crop, prediction in enumerate(predictions)
        if crop != target
    ]
    return torch.stack(losses).mean()
