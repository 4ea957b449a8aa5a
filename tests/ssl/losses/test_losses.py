"""Losses against slow loops and closed forms."""

import math

import pytest
import torch
from lightly.loss import NegativeCosineSimilarity, NTXentLoss
from torch.nn.functional import normalize

from objectcrop.ssl.losses.contrastive import bank_loss, byol_loss, info_nce, log_normaliser, nce_loss
from objectcrop.ssl.losses.labels import label_loss
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
    found = info_nce(**case, same_tag_only=same_tag_only)
    loss, accuracy = slow_info_nce(case, same_tag_only)
    assert found.loss.item() == pytest.approx(loss, abs=1e-10)
    assert found.accuracy.item() == pytest.approx(accuracy)


def test_similarities_are_split_by_the_querys_own_tag(case):
    found = info_nce(**case)
    products = case["queries"] @ case["queue"].T
    same = [
        products[i, j].item() for i in range(5) for j in range(11) if case["query_tags"][i] == case["queue_tags"][j]
    ]
    other = [
        products[i, j].item() for i in range(5) for j in range(11) if case["query_tags"][i] != case["queue_tags"][j]
    ]
    assert found.similarity_same_tag.item() == pytest.approx(sum(same) / len(same))
    assert found.similarity_other_tag.item() == pytest.approx(sum(other) / len(other))
    positive = (case["queries"] * case["keys"]).sum(dim=1).mean()
    assert found.similarity_positive.item() == pytest.approx(positive.item())


@pytest.mark.parametrize(("same_tag_only", "negatives"), [(False, 12), (True, 6)])
def test_all_alike_gives_the_logarithm_of_the_number_of_choices(same_tag_only, negatives):
    one = normalize(torch.ones(1, 4, dtype=torch.float64), dim=1)
    tags = torch.zeros(3, dtype=torch.long)
    found = info_nce(
        one.repeat(3, 1),
        one.repeat(3, 1),
        one.repeat(12, 1),
        temperature=0.07,
        query_tags=1 - tags,
        key_tags=tags,
        queue_tags=torch.arange(12) % 2,
        same_tag_only=same_tag_only,
    )
    assert found.loss.item() == pytest.approx(math.log(1 + negatives), abs=1e-10)


def test_embeddings_of_bfloat16_give_a_float32_loss(case):
    narrow = {
        name: value.bfloat16() if value.is_floating_point() else value
        for name, value in case.items()
        if name != "temperature"
    }
    found = info_nce(**narrow, temperature=0.2)
    assert found.loss.dtype == torch.float32
    wide = {name: value.double() if value.is_floating_point() else value for name, value in narrow.items()}
    assert found.loss.item() == pytest.approx(info_nce(**wide, temperature=0.2).loss.item(), abs=1e-5)


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


def test_label_loss_of_several_classes_is_the_sum_over_classes_of_one_class_is_softmax_cross_entropy():
    torch.manual_seed(0)
    logits = torch.randn(3, 4, dtype=torch.float64)
    indices, hot = torch.tensor([0, 3, 1]), torch.tensor([[1, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 0]], dtype=torch.uint8)
    p = logits.sigmoid()
    slow = -torch.where(hot.bool(), p.log(), (1 - p).log()).sum(dim=1).mean()
    assert label_loss(logits, hot).item() == pytest.approx(slow.item(), abs=1e-10)
    chosen = logits.softmax(dim=1)[torch.arange(3), indices]
    assert label_loss(logits, indices).item() == pytest.approx(-chosen.log().mean().item(), abs=1e-10)


def test_byol_loss_is_the_squared_distance_of_unit_vectors():
    torch.manual_seed(0)
    predictions, targets = 3 * torch.randn(5, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)
    slow = 0.0
    for p, t in zip(predictions.tolist(), targets.tolist(), strict=True):
        length_p, length_t = math.sqrt(sum(x * x for x in p)), math.sqrt(sum(x * x for x in t))
        slow += sum((a / length_p - b / length_t) ** 2 for a, b in zip(p, t, strict=True)) / 5
    assert byol_loss(predictions, targets).item() == pytest.approx(slow, abs=1e-10)
    theirs = 2 + 2 * NegativeCosineSimilarity()(predictions, targets)
    assert byol_loss(predictions, targets).item() == pytest.approx(theirs.item(), abs=1e-5)
    assert byol_loss(2 * targets, targets).item() == pytest.approx(0, abs=1e-12)
    assert byol_loss(-targets, targets).item() == pytest.approx(4, abs=1e-12)


def test_info_nce_is_lightlys(case):
    theirs = NTXentLoss(temperature=0.2, memory_bank_size=(11, 8))
    theirs(torch.randn(5, 8), torch.randn(5, 8))  # makes its bank
    theirs.memory_bank.bank.copy_(case["queue"].float().T if theirs.memory_bank.bank.shape[0] == 8 else case["queue"])
    expected = theirs(case["queries"].detach().float(), case["keys"].float())
    assert info_nce(**case).loss.item() == pytest.approx(expected.item(), abs=1e-5)


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
    found = log_normaliser(queries, noise, temperature=0.07, num_rows=40)
    assert found.item() == pytest.approx(math.log(slow), abs=1e-10)
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
