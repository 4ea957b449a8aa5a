"""Losses against slow loops and closed forms."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss
from torch.nn.functional import normalize

from objectcrop.ssl.losses.contrastive import info_nce
from objectcrop.ssl.losses.object_aware import localization_accuracy, localization_loss, rotation_loss


def vectors(count, dims=8):
    return normalize(torch.randn(count, dims, dtype=torch.float64), dim=1)


@pytest.fixture
def case():
    torch.manual_seed(0)
    return {
        "queries": vectors(5).requires_grad_(True),
        "keys": vectors(5),
        "queue": vectors(11),
        "query_tags": torch.tensor([0, 1, 0, 1, 1]),
        "key_tags": torch.tensor([1, 0, 1, 0, 0]),
        "queue_tags": torch.arange(11) % 2,
        "temperature": 0.2,
    }


def slow_info_nce(case, same_tag_only):
    losses, hits = [], []
    for row in range(len(case["queries"])):
        query = case["queries"][row].tolist()
        positive = sum(a * b for a, b in zip(query, case["keys"][row].tolist(), strict=True)) / case["temperature"]
        logits = [positive]
        for entry in range(len(case["queue"])):
            if same_tag_only and case["queue_tags"][entry] != case["key_tags"][row]:
                continue
            key = case["queue"][entry].tolist()
            logits.append(sum(a * b for a, b in zip(query, key, strict=True)) / case["temperature"])
        losses.append(-math.log(math.exp(positive) / sum(math.exp(logit) for logit in logits)))
        hits.append(positive == max(logits))
    return sum(losses) / len(losses), sum(hits) / len(hits)


@pytest.mark.parametrize("same_tag_only", [False, True])
def test_info_nce_is_the_papers_formula(case, same_tag_only):
    terms = info_nce(**case, same_tag_only=same_tag_only)
    loss, accuracy = slow_info_nce(case, same_tag_only)
    assert terms.loss.item() == pytest.approx(loss, abs=1e-10)
    assert terms.accuracy.item() == pytest.approx(accuracy)


def test_similarities_are_split_by_the_querys_own_tag(case):
    terms = info_nce(**case)
    products = case["queries"] @ case["queue"].T
    same = [
        products[i, j].item() for i in range(5) for j in range(11) if case["query_tags"][i] == case["queue_tags"][j]
    ]
    other = [
        products[i, j].item() for i in range(5) for j in range(11) if case["query_tags"][i] != case["queue_tags"][j]
    ]
    assert terms.similarity_same_tag.item() == pytest.approx(sum(same) / len(same))
    assert terms.similarity_other_tag.item() == pytest.approx(sum(other) / len(other))
    positive = (case["queries"] * case["keys"]).sum(dim=1).mean()
    assert terms.similarity_positive.item() == pytest.approx(positive.item())


@pytest.mark.parametrize(("same_tag_only", "negatives"), [(False, 12), (True, 6)])
def test_all_alike_gives_the_logarithm_of_the_number_of_choices(same_tag_only, negatives):
    one = normalize(torch.ones(1, 4, dtype=torch.float64), dim=1)
    tags = torch.zeros(3, dtype=torch.long)
    terms = info_nce(
        one.repeat(3, 1),
        one.repeat(3, 1),
        one.repeat(12, 1),
        temperature=0.07,
        query_tags=1 - tags,
        key_tags=tags,
        queue_tags=torch.arange(12) % 2,
        same_tag_only=same_tag_only,
    )
    assert terms.loss.item() == pytest.approx(math.log(1 + negatives), abs=1e-10)


def test_embeddings_of_bfloat16_give_a_float32_loss(case):
    narrow = {
        name: value.bfloat16() if value.is_floating_point() else value
        for name, value in case.items()
        if name != "temperature"
    }
    terms = info_nce(**narrow, temperature=0.2)
    assert terms.loss.dtype == torch.float32
    wide = {name: value.double() if value.is_floating_point() else value for name, value in narrow.items()}
    assert terms.loss.item() == pytest.approx(info_nce(**wide, temperature=0.2).loss.item(), abs=1e-5)


def test_rotation_loss_and_accuracy():
    logits = torch.tensor([[2.0, 0, 0, 0], [0, 0, 3.0, 0]], dtype=torch.float64)
    loss, accuracy = rotation_loss(logits, torch.tensor([0, 1]))
    first = -math.log(math.exp(2) / (math.exp(2) + 3))
    second = -math.log(1 / (math.exp(3) + 3))
    assert loss.item() == pytest.approx((first + second) / 2, abs=1e-10)
    assert accuracy.item() == 0.5
    assert rotation_loss(torch.zeros(3, 4), torch.tensor([0, 1, 3]))[0].item() == pytest.approx(math.log(4))


def test_localization_loss_is_the_mean_over_cells_and_samples():
    torch.manual_seed(0)
    logits, cells = (
        torch.randn(3, 4, dtype=torch.float64),
        torch.tensor([[[1, 0], [0, 1]], [[0, 0], [0, 1]], [[1, 1], [0, 1]]]),
    )
    loss, constant = localization_loss(logits, cells)
    slow = 0.0
    for sample in range(3):
        for cell in range(4):
            p = 1 / (1 + math.exp(-logits[sample, cell].item()))
            slow -= math.log(p if cells[sample].flatten()[cell] else 1 - p) / 12
    assert loss.item() == pytest.approx(slow, abs=1e-10)
    assert constant.item() == pytest.approx(math.log(2), abs=1e-10)
    rate_logits = torch.full((3, 4), math.log(0.5 / 0.5), dtype=torch.float64)
    assert localization_loss(rate_logits, cells)[0].item() == pytest.approx(constant.item())


def test_localization_accuracy_counts_cells_and_chance_is_the_best_answer_of_each_cell():
    cells = torch.tensor([[[1, 0], [0, 1]], [[0, 0], [0, 1]], [[1, 1], [0, 1]]])
    # wrong at one cell, at none, at two
    logits = torch.tensor([[2.0, 1, -1, 3], [-1.0, -2, -3, 1], [-1.0, 1, 1, 1]])
    accuracy, chance = localization_accuracy(logits, cells)
    assert accuracy.item() == pytest.approx(9 / 12)
    # the first cell is 1 in two of three, the second 0 in two of three, the others are always alike
    assert chance.item() == pytest.approx((2 + 2 + 3 + 3) / 12)


def test_a_constant_target_costs_the_constant_guess_nothing():
    assert localization_loss(torch.zeros(2, 4), torch.ones(2, 2, 2))[1].item() == 0


def test_info_nce_is_lightlys(case):
    theirs = NTXentLoss(temperature=0.2, memory_bank_size=(11, 8))
    theirs(torch.randn(5, 8), torch.randn(5, 8))  # makes its bank
    theirs.memory_bank.bank.copy_(case["queue"].float().T if theirs.memory_bank.bank.shape[0] == 8 else case["queue"])
    expected = theirs(case["queries"].detach().float(), case["keys"].float())
    assert info_nce(**case).loss.item() == pytest.approx(expected.item(), abs=1e-5)
