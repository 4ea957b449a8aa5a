"""A memory bank: a running mean of embeddings for each image (Wu et al. 2018, arXiv:1805.01978)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from objectcrop.runtime.distributed import World
from objectcrop.runtime.precision import widened
from objectcrop.runtime.randomness import Seeds
from objectcrop.study.settings.methods import BankSettings


class MemoryBank(nn.Module):
    """A row for each image. Its state travels with the module's.

    Attributes:
        rows: unit vectors, shape (images, D); Gaussian directions at first.
        momentum: share of a row that stays at an update with its image.
    """

    rows: Tensor

    def __init__(self, length: int, dims: int, *, momentum: float, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("rows", F.normalize(torch.randn(length, dims, generator=generator), dim=1))
        self.momentum = momentum
        self._log_z: Tensor | None = None

    @property
    def log_normaliser(self) -> float | None:
        """Log Z of noise-contrastive estimation, of the first batch that was contrasted with the bank; None before.

        To read it, the host waits for the device.
        """
        return None if self._log_z is None else self._log_z.item()

    def contrast(
        self, queries: Tensor, places: Tensor, negatives: Tensor, settings: BankSettings, world: World
    ) -> tuple[Tensor, Tensor]:
        """Return the loss of queries against their own rows and others, and the share that are most like their own.

        Args:
            queries: unit vectors, shape (N, D).
            places: each one's own row, shape (N,).
            negatives: rows that were drawn, the same in every process, shape (M,).
            settings: loss and temperature.
            world: the processes, over whose queries Z is estimated.
        """
        keys, others = self.rows[places], self.rows[negatives]
        is_own, temperature = places[:, None] == negatives[None, :], settings.temperature
        if settings.loss == "softmax":
            return bank_loss(queries, keys, others, is_own, temperature=temperature)
        if self._log_z is None:
            self._log_z = self._estimate(queries, others, temperature, world)
        log_z, num_rows = self._log_z, len(self.rows)
        return nce_loss(queries, keys, others, is_own, temperature=temperature, log_normaliser=log_z, num_rows=num_rows)

    @torch.no_grad()
    def update(self, places: Tensor, embeddings: Tensor) -> None:
        """Move the rows of images, shape (N,), towards embeddings, shape (N, D), and back to length 1."""
        moved = self.momentum * self.rows[places] + (1 - self.momentum) * embeddings.to(self.rows)
        self.rows[places] = F.normalize(moved, dim=1)

    def get_extra_state(self) -> dict[str, float | None]:
        """Return Z, for `state_dict`."""
        return {"log_normaliser": self.log_normaliser}

    def set_extra_state(self, state: dict[str, float | None]) -> None:
        """Set Z, from `state_dict`."""
        log_z = state["log_normaliser"]
        self._log_z = None if log_z is None else torch.tensor(log_z, dtype=torch.float64)

    @torch.no_grad()
    def _estimate(self, queries: Tensor, others: Tensor, temperature: float, world: World) -> Tensor:
        log_z = log_normaliser(queries, others, temperature=temperature, num_rows=len(self.rows))
        # one mean over the queries of all processes, each of which has as many
        parts = world.gather(log_z[None])
        return torch.logsumexp(parts, dim=0).double() - math.log(len(parts))


def draw_negatives(length: int, wanted: int, step: int, seeds: Seeds) -> Tensor:
    """Draw rows of a bank for a step, the same in every process, int64: all, or `wanted` draws with replacement."""
    if wanted >= length:
        return torch.arange(length)
    return torch.from_numpy(seeds.generator("negatives", step).integers(length, size=wanted))


def bank_loss(
    queries: Tensor, keys: Tensor, negatives: Tensor, is_own: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return the softmax cross-entropy against rows of a memory bank, and the accuracy (Tian et al. 2020, arXiv:1906.05849).

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
    log_normaliser: float | Tensor,
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
        log_normaliser: log Z, a number or a tensor of no axes.
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
