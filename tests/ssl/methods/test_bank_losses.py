"""Losses against a memory bank: slow loops and closed forms."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss

from objectcrop.ssl.methods.memory_bank import bank_loss, log_normaliser, nce_loss
from tests.ssl.losses.test_losses import vectors


def test_bank_loss_leaves_a_querys_own_row_out():
    torch.manual_seed(0)
    queries, keys, negatives = vectors(4), vectors(4), vectors(9)
    is_own = torch.zeros(4, 9, dtype=torch.bool)
    is_own[1, 3] = is_own[2, 0] = is_own[2, 8] = True
    loss, accuracy = bank_loss(queries, keys, negatives, is_own, temperature=0.07)
    slow, hits = 0.0, 0
    for row in range(4):
        positive = sum(a * b for a, b in zip(queries[row].tolist(), keys[row].tolist(), strict=True)) / 0.07
        others = [
            sum(a * b for a, b in zip(queries[row].tolist(), negatives[entry].tolist(), strict=True)) / 0.07
            for entry in range(9)
            if not is_own[row, entry]
        ]
        slow -= math.log(math.exp(positive) / (math.exp(positive) + sum(map(math.exp, others)))) / 4
        hits += positive > max(others)
    assert loss.item() == pytest.approx(slow, abs=1e-10)
    assert accuracy.item() == hits / 4


def test_bank_loss_is_lightlys():
    torch.manual_seed(1)
    queries, keys, negatives = vectors(5), vectors(5), vectors(11)
    theirs = NTXentLoss(temperature=0.07, memory_bank_size=(11, 8))
    theirs(torch.randn(5, 8), torch.randn(5, 8))  # makes its bank
    bank = theirs.memory_bank.bank
    bank.copy_(negatives.float().T if bank.shape[0] == 8 else negatives)
    ours, _ = bank_loss(queries, keys, negatives, torch.zeros(5, 11, dtype=torch.bool), temperature=0.07)
    assert ours.item() == pytest.approx(theirs(queries.float(), keys.float()).item(), abs=1e-5)


def test_a_bank_of_one_vector_gives_the_logarithm_of_the_number_of_choices():
    one = vectors(1)
    is_own = torch.zeros(2, 6, dtype=torch.bool)
    is_own[:, 0] = True
    loss, _ = bank_loss(one.repeat(2, 1), one.repeat(2, 1), one.repeat(6, 1), is_own, temperature=0.07)
    assert loss.item() == pytest.approx(math.log(6), abs=1e-10)


def dot(first, second):
    return sum(a * b for a, b in zip(first.tolist(), second.tolist(), strict=True))


def no_row_is_own(queries, noise):
    return torch.zeros(len(queries), len(noise), dtype=torch.bool)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nce_is_the_papers_formula(temperature):
    torch.manual_seed(0)
    queries, keys, noise = vectors(4), vectors(4), vectors(9)
    is_own = no_row_is_own(queries, noise)
    is_own[2] = noise @ queries[2] == (noise @ queries[2]).max()
    z, share = 731.5, 9 / 50  # of m P_n, with 9 draws of a bank of 50

    def h(query, row):
        p = math.exp(dot(query, row) / temperature) / z
        return p / (p + share)

    slow = hits = 0.0
    for row in range(4):
        slow -= math.log(h(queries[row], keys[row])) / 4
        slow -= sum(math.log(1 - h(queries[row], other)) for other in noise) / 4
        others = [dot(queries[row], other) for other, own in zip(noise, is_own[row], strict=True) if not own]
        hits += dot(queries[row], keys[row]) > max(others)
    settings = {"temperature": temperature, "log_normaliser": math.log(z), "num_rows": 50}
    loss, accuracy = nce_loss(queries, keys, noise, is_own, **settings)
    assert loss.item() == pytest.approx(slow, rel=0, abs=1e-10)
    assert accuracy.item() == hits / 4


def test_the_normaliser_is_the_mean_over_what_was_drawn_times_the_rows_of_the_bank():
    torch.manual_seed(0)
    queries, noise = vectors(3), vectors(7)
    slow = sum(math.exp(dot(query, row) / 0.07) for query in queries for row in noise) / 21 * 40
    log_z = log_normaliser(queries, noise, temperature=0.07, num_rows=40)
    assert log_z.item() == pytest.approx(math.log(slow), abs=1e-10)
    # of all rows it is the denominator of the softmax
    whole = log_normaliser(queries[:1], noise, temperature=0.07, num_rows=7)
    assert whole.item() == pytest.approx(torch.logsumexp(noise @ queries[0] / 0.07, dim=0).item(), abs=1e-10)


@pytest.mark.parametrize(("num_noise", "num_rows"), [(6, 6), (6, 100), (4096, 1_281_167)])
def test_nce_of_a_bank_of_one_vector_has_a_closed_form(num_noise, num_rows):
    """P is 1/n for data and noise alike, so h = 1 / (1 + m): the loss is log(1 + m) + m log(1 + 1/m)."""
    one = vectors(1)
    queries, noise = one.repeat(2, 1), one.repeat(num_noise, 1)
    log_z = log_normaliser(queries, noise, temperature=0.07, num_rows=num_rows).item()
    assert log_z == pytest.approx(math.log(num_rows) + 1 / 0.07, abs=1e-10)
    settings = {"temperature": 0.07, "log_normaliser": log_z, "num_rows": num_rows}
    loss, accuracy = nce_loss(queries, queries, noise, no_row_is_own(queries, noise), **settings)
    assert loss.item() == pytest.approx(math.log(1 + num_noise) + num_noise * math.log1p(1 / num_noise), abs=1e-9)
    assert accuracy.item() == 0  # no better than the noise


def test_nces_gradient_is_that_of_differences():
    torch.manual_seed(0)
    queries, keys, noise = vectors(3), vectors(3), vectors(5)
    is_own = no_row_is_own(queries, noise)

    def loss(rows):
        return nce_loss(rows, keys, noise, is_own, temperature=0.3, log_normaliser=3.0, num_rows=20)[0]

    assert torch.autograd.gradcheck(loss, queries.requires_grad_(True))


def test_nce_stays_finite_where_probabilities_do_not():
    """float32 at T = 0.001: exp(1000) overflows, its logarithm does not."""
    one = vectors(1).float()
    queries = torch.cat([one, -one]).requires_grad_(True)
    settings = {"temperature": 0.001, "log_normaliser": 10.0, "num_rows": 100}
    loss, _ = nce_loss(
        queries, one.repeat(2, 1), -one.repeat(3, 1), no_row_is_own(queries, one.repeat(3, 1)), **settings
    )
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(queries.grad).all()
