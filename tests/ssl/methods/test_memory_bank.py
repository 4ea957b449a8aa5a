"""Memory banks: how rows move, which are drawn, and Z of noise-contrastive estimation."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods.memory_bank import MemoryBank, bank_loss, draw_negatives
from objectcrop.study.settings.methods import CmcSettings
from tests.ssl.wiring import ALONE

NCE, SOFTMAX = CmcSettings(loss="nce", temperature=0.1), CmcSettings(loss="softmax", temperature=0.1)
PLACES, DRAWN = torch.tensor([4, 0, 2]), torch.tensor([1, 4, 4, 0, 5])


def unit(count, dims=4):
    return normalize(torch.randn(count, dims, dtype=torch.float64), dim=1)


@pytest.fixture
def bank():
    torch.manual_seed(0)
    return MemoryBank(6, 4, momentum=0.8, seed=0).double()


def test_the_bank_moves_by_its_momentum(bank):
    before, new = bank.rows.clone(), unit(2)
    bank.update(torch.tensor([3, 1]), new)
    for place, vector in zip((3, 1), new, strict=True):
        torch.testing.assert_close(bank.rows[place], normalize(0.8 * before[place] + 0.2 * vector, dim=0))
    assert torch.equal(bank.rows[[0, 2, 4, 5]], before[[0, 2, 4, 5]])


def test_z_is_that_of_the_first_batch_for_ever(bank):
    first, second = unit(3), unit(3)
    assert bank.log_normaliser is None
    bank.contrast(first, PLACES, DRAWN, NCE, ALONE)
    expected = 6 * torch.exp(first @ bank.rows[DRAWN].T / 0.1).mean()
    assert bank.log_normaliser == pytest.approx(math.log(expected), abs=1e-12)
    first_log_z = bank.log_normaliser
    bank.update(PLACES, first)
    loss, _ = bank.contrast(second, PLACES, DRAWN, NCE, ALONE)
    assert bank.log_normaliser == first_log_z
    p = torch.exp(second @ bank.rows.T / 0.1) / math.exp(first_log_z)
    h = p / (p + 5 / 6)
    expected = (-h[torch.arange(3), PLACES].log() - (1 - h[:, DRAWN]).log().sum(dim=1)).mean()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-10)


def test_z_travels_with_the_state(bank, tmp_path):
    bank.contrast(unit(3), PLACES, DRAWN, NCE, ALONE)
    torch.save(bank.state_dict(), tmp_path / "state.pt")
    other = MemoryBank(6, 4, momentum=0.8, seed=1).double()
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.log_normaliser == bank.log_normaliser
    queries = unit(3)
    losses = [each_bank.contrast(queries, PLACES, DRAWN, NCE, ALONE)[0].item() for each_bank in (bank, other)]
    assert losses[0] == losses[1]


def test_softmax_needs_no_z_and_leaves_own_rows_out(bank):
    queries = unit(3)
    is_own = torch.tensor([[False, True, True, False, False], [False] * 3 + [True, False], [False] * 5])
    expected = bank_loss(queries, bank.rows[PLACES], bank.rows[DRAWN], is_own, temperature=0.1)
    loss_and_share = bank.contrast(queries, PLACES, DRAWN, SOFTMAX, ALONE)
    assert [value.item() for value in loss_and_share] == [value.item() for value in expected]
    assert bank.log_normaliser is None


def test_negatives_are_all_rows_or_draws_of_each_step():
    seeds = Seeds(0, 1)
    assert draw_negatives(5, 5, 0, seeds).tolist() == [0, 1, 2, 3, 4]
    first, again, second = (draw_negatives(500, 40, step, seeds) for step in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    many = draw_negatives(10, 9, 0, seeds)
    assert len(many) == 9
    assert set(many.tolist()) <= set(range(10))
