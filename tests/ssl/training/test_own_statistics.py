"""Each process gets its own running statistics back."""

import pytest
import torch
from torch import nn

from objectcrop.networks.batch_norm import SplitBatchNorm2d
from objectcrop.ssl.training.checkpoints import own_statistics, restore_statistics


def network(shift):
    torch.manual_seed(0)
    layers = nn.Sequential(SplitBatchNorm2d(3, group=2), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    layers(torch.randn(4, 3, 5, 5) + shift)
    return layers


def test_what_is_restored_is_what_was_there_and_nothing_else_moves():
    theirs, mine = network(1), network(2)
    mine(torch.randn(4, 3, 5, 5))
    weights = {name: value.clone() for name, value in mine.named_parameters()}
    (saved,) = own_statistics(theirs)
    assert not torch.equal(own_statistics(mine)[0], saved)
    restore_statistics(mine, saved)
    for name, value in theirs.named_buffers():
        assert torch.equal(mine.get_buffer(name), value), name
    assert all(torch.equal(value, weights[name]) for name, value in mine.named_parameters())


def test_those_of_another_network_are_rejected():
    with pytest.raises(ValueError, match="3 running statistics were saved, the networks have 16"):
        restore_statistics(network(1), torch.zeros(3))


def test_a_network_without_any_has_an_empty_row():
    assert own_statistics(nn.Linear(2, 2)).shape == (1, 0)
