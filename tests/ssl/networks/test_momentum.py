"""The key encoder follows by the momentum formula and gets no gradient."""

import torch
from torch import nn

from objectcrop.ssl.networks.momentum import MomentumPair


def test_the_key_encoder_is_a_moving_average():
    torch.manual_seed(0)
    query = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    pair = MomentumPair(query, 0.9)
    expected = {name: value.double() for name, value in pair.key.named_parameters()}
    for _ in range(5):
        with torch.no_grad():
            for parameter in query.parameters():
                parameter.add_(torch.randn_like(parameter))
        pair.update()
        for name, value in query.named_parameters():
            expected[name] = 0.9 * expected[name] + 0.1 * value.double()
    for name, value in pair.key.named_parameters():
        torch.testing.assert_close(value.double(), expected[name], rtol=0, atol=1e-6)
        assert not value.requires_grad


def test_buffers_stay_the_key_encoders_own():
    query = nn.BatchNorm1d(2)
    pair = MomentumPair(query, 0.5)
    query(torch.randn(4, 2) + 7)
    pair.update()
    assert torch.equal(pair.key.running_mean, torch.zeros(2))


def test_the_copy_is_exact_at_first():
    query = nn.Linear(3, 2)
    pair = MomentumPair(query, 0.99)
    assert torch.equal(pair.key.weight, query.weight)
    assert pair.key.weight is not query.weight
