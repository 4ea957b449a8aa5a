"""DenseCL's matching and loss against slow loops, closed forms and lightly."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss
from lightly.models.utils import select_most_similar
from torch.nn.functional import normalize

from benchmarks.step_parts.traffic import Traffic
from objectcrop.ssl.losses.contrastive import info_nce
from objectcrop.ssl.methods.densecl import dense_info_nce, match_positions


def units(*shape, dim=-1):
    return normalize(torch.randn(*shape, dtype=torch.float64), dim=dim)


@pytest.fixture
def case():
    torch.manual_seed(0)
    return {
        "queries": units(3, 4, 8).requires_grad_(True),
        "keys": units(3, 4, 8),
        "matches": torch.randint(0, 4, (3, 4)),
        "queue": units(11, 8),
        "key_tags": torch.tensor([1, 0, 1]),
        "queue_tags": torch.arange(11) % 2,
        "temperature": 0.2,
    }


def slow_dense_info_nce(case, same_tag_only):
    losses = []
    for image in range(3):
        for position in range(4):
            query = case["queries"][image, position]
            key = case["keys"][image, case["matches"][image, position]]
            logits = [(query @ key).item() / 0.2]
            for entry in range(11):
                if not same_tag_only or case["queue_tags"][entry] == case["key_tags"][image]:
                    logits.append((query @ case["queue"][entry]).item() / 0.2)
            losses.append(-math.log(math.exp(logits[0]) / sum(map(math.exp, logits))))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("same_tag_only", [False, True])
def test_the_dense_loss_is_the_papers_formula(case, same_tag_only):
    loss = dense_info_nce(**case, same_tag_only=same_tag_only)
    assert loss.item() == pytest.approx(slow_dense_info_nce(case, same_tag_only), abs=1e-10)


def test_parts_that_fit_give_the_same_loss_and_gradient(case):
    whole = dense_info_nce(**case)
    parts = dense_info_nce(**case, max_logits=2 * 4 * 12)  # two of the three images at once
    assert parts.item() == pytest.approx(whole.item(), abs=1e-12)
    (expected,) = torch.autograd.grad(whole, case["queries"])
    (gradient,) = torch.autograd.grad(parts, case["queries"])
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12)


def test_all_alike_gives_the_logarithm_of_the_number_of_choices(case):
    one = normalize(torch.ones(8, dtype=torch.float64), dim=0)
    alike = {"queries": one.expand(3, 4, 8), "keys": one.expand(3, 4, 8), "queue": one.expand(11, 8)}
    assert dense_info_nce(**(case | alike)).item() == pytest.approx(math.log(12), abs=1e-10)


def test_it_is_lightlys_loss_over_flat_grids(case):
    theirs = NTXentLoss(temperature=0.2, memory_bank_size=(11, 8))
    flat = torch.gather(case["keys"], 1, case["matches"][:, :, None].expand(-1, -1, 8)).reshape(-1, 8)
    torch.manual_seed(1)
    theirs(torch.randn(12, 8), torch.randn(12, 8))  # makes its bank
    theirs.memory_bank.bank.copy_(case["queue"].float().T if theirs.memory_bank.bank.shape[0] == 8 else case["queue"])
    expected = theirs(case["queries"].detach().reshape(-1, 8).float(), flat.float())
    assert dense_info_nce(**case).item() == pytest.approx(expected.item(), abs=1e-5)


def test_matches_are_the_most_alike_positions():
    torch.manual_seed(0)
    queries, keys = torch.randn(2, 5, 2, 3), torch.randn(2, 5, 2, 3)
    matches = match_positions(queries, keys)
    for image in range(2):
        for position in range(6):
            query = queries[image, :, position // 3, position % 3]
            cosines = [
                (query @ keys[image, :, p // 3, p % 3] / query.norm() / keys[image, :, p // 3, p % 3].norm()).item()
                for p in range(6)
            ]
            assert matches[image, position] == cosines.index(max(cosines))


def test_matches_are_lightlys():
    torch.manual_seed(0)
    queries, keys, grid = torch.randn(2, 9, 6), torch.randn(2, 9, 6), torch.randn(2, 9, 4)
    ours = match_positions(*(normalize(x, dim=2).transpose(1, 2).reshape(2, 6, 3, 3) for x in (queries, keys)))
    picked = torch.gather(grid, 1, ours[:, :, None].expand(-1, -1, 4))
    assert torch.equal(picked, select_most_similar(normalize(queries, dim=2), normalize(keys, dim=2), grid))


def test_the_dense_loss_computes_no_statistics_that_nobody_reads():
    """Of what a step of MoCo-v2 logs, it needs the loss alone."""
    with torch.device("meta"):
        queries, keys, queue = (
            torch.empty(8, 49, 128, requires_grad=True),
            torch.empty(8, 49, 128),
            torch.empty(4096, 128),
        )
        tags, queue_tags = torch.zeros(8, dtype=torch.long), torch.zeros(4096, dtype=torch.long)
        matches, many = torch.zeros(8, 49, dtype=torch.long), torch.zeros(8 * 49, dtype=torch.long)
    with Traffic() as lean:
        named = {"temperature": 0.2, "key_tags": tags, "queue_tags": queue_tags}
        dense_info_nce(queries, keys, matches, queue, **named).backward()
    with Traffic() as full:
        flat, named = (queries.flatten(0, 1), keys.flatten(0, 1)), {"query_tags": many, "key_tags": many}
        info_nce(*flat, queue, temperature=0.2, queue_tags=queue_tags, **named).loss.backward()
    logits = 4 * 8 * 49 * 4097
    assert lean.bytes < 18 * logits
    assert full.bytes > 24 * logits
