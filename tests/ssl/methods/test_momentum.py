"""A key encoder or target network follows by the momentum formula."""

import copy

import torch
from torch import nn

from objectcrop.ssl.methods.method import ema_update


def test_the_key_encoder_is_a_moving_average():
    torch.manual_seed(0)
    query = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    key = copy.deepcopy(query).requires_grad_(False)
    expected = {name: value.double() for name, value in key.named_parameters()}
    for _ in range(5):
        with torch.no_grad():
            for parameter in query.parameters():
                parameter.add_(torch.randn_like(parameter))
        ema_update(key, query, 0.9)
        for name, value in query.named_parameters():
            expected[name] = 0.9 * expected[name] + 0.1 * value.double()
    for name, value in key.named_parameters():
        torch.testing.assert_close(value.double(), expected[name], rtol=0, atol=1e-6)
        assert not value.requires_grad


def test_buffers_stay_the_key_encoders_own():
    query = nn.BatchNorm1d(2)
    key = copy.deepcopy(query).requires_grad_(False)
    query(torch.randn(4, 2) + 7)
    ema_update(key, query, 0.5)
    assert torch.equal(key.running_mean, torch.zeros(2))
