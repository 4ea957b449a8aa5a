"""SwAV's codes and loss against slow loops, laws, closed forms and lightly."""

import math

import pytest
import torch
from lightly.loss import SwaVLoss
from torch.nn.functional import normalize

from objectcrop.ssl.methods.swav import sinkhorn, swapped_prediction


def cosines(rows, prototypes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    first, second = (
        normalize(torch.randn(n, 8, generator=generator, dtype=torch.float64), dim=1) for n in (rows, prototypes)
    )
    return first @ second.T


def slow_sinkhorn(scores, epsilon, num_iterations):
    rows, prototypes = scores.shape
    q = [[math.exp(scores[b, k].item() / epsilon) for b in range(rows)] for k in range(prototypes)]
    total = sum(map(sum, q))
    q = [[value / total for value in row] for row in q]
    for _ in range(num_iterations):
        q = [[value / sum(row) / prototypes for value in row] for row in q]
        sums = [sum(q[k][b] for k in range(prototypes)) for b in range(rows)]
        q = [[q[k][b] / sums[b] / rows for b in range(rows)] for k in range(prototypes)]
    return torch.tensor([[q[k][b] * rows for k in range(prototypes)] for b in range(rows)], dtype=torch.float64)


def test_codes_are_the_papers_formula():
    scores = cosines(7, 5)
    codes = sinkhorn(scores, epsilon=0.05, num_iterations=3)
    torch.testing.assert_close(codes, slow_sinkhorn(scores, 0.05, 3), rtol=0, atol=1e-10)


def test_codes_add_up_to_one_and_use_every_prototype_equally():
    codes = sinkhorn(cosines(12, 4), epsilon=0.5, num_iterations=200)
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(12, dtype=torch.float64))
    torch.testing.assert_close(codes.sum(dim=0), torch.full((4,), 3.0, dtype=torch.float64))


class _Together:
    """Two processes played in one: each sum is that of the two halves at the same point of the computation."""

    def __init__(self, halves):
        self.sums = [[], []]
        for _ in range(20):  # grows until each half has the sums of the other
            for number, half in enumerate(halves):
                self.play(number, half)

    def play(self, number, scores):
        calls = iter(range(100))

        def summed(values):
            call = next(calls)
            mine, theirs = self.sums[number], self.sums[1 - number]
            mine[call : call + 1] = [values.clone()]
            return values + (theirs[call] if call < len(theirs) else torch.zeros_like(values))

        return sinkhorn(scores, epsilon=0.05, num_iterations=3, summed=summed)


def test_two_processes_find_the_codes_of_the_whole_batch():
    scores = cosines(8, 5)
    together = _Together(scores.split((3, 5)))
    codes = torch.cat([together.play(number, half) for number, half in enumerate(scores.split((3, 5)))])
    torch.testing.assert_close(codes, sinkhorn(scores, epsilon=0.05, num_iterations=3), rtol=0, atol=1e-12)


def slow_swapped(scores, codes, temperature):
    per_code = []
    for target, code in enumerate(codes):
        per_crop = []
        for crop, crop_scores in enumerate(scores):
            if crop == target:
                continue
            rows = []
            for b in range(len(crop_scores)):
                exponents = [math.exp(value / temperature) for value in crop_scores[b].tolist()]
                rows.append(
                    -sum(c * math.log(e / sum(exponents)) for c, e in zip(code[b].tolist(), exponents, strict=True))
                )
            per_crop.append(sum(rows) / len(rows))
        per_code.append(sum(per_crop) / len(per_crop))
    return sum(per_code) / len(per_code)


def test_the_loss_is_the_papers_formula_over_many_crops():
    scores = [cosines(6, 5, seed) for seed in range(4)]
    codes = [sinkhorn(crop_scores, epsilon=0.05, num_iterations=3) for crop_scores in scores[:2]]
    loss = swapped_prediction(scores, codes, temperature=0.1)
    assert loss.item() == pytest.approx(slow_swapped(scores, codes, 0.1), abs=1e-10)


def test_it_is_lightlys_loss():
    scores = [cosines(6, 5, seed).float() for seed in range(4)]
    codes = [sinkhorn(crop_scores, epsilon=0.05, num_iterations=3) for crop_scores in scores[:2]]
    expected = SwaVLoss(temperature=0.1, sinkhorn_iterations=3, sinkhorn_epsilon=0.05)(scores[:2], scores[2:])
    assert swapped_prediction(scores, codes, temperature=0.1).item() == pytest.approx(expected.item(), abs=1e-5)


def test_stuck_embeddings_give_the_logarithm_of_the_number_of_prototypes():
    scores = [torch.full((4, 30), 0.3, dtype=torch.float64)] * 3
    codes = [sinkhorn(crop_scores, epsilon=0.05, num_iterations=3) for crop_scores in scores[:2]]
    assert swapped_prediction(scores, codes, temperature=0.1).item() == pytest.approx(math.log(30), abs=1e-10)
