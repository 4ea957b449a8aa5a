"""Torch's generators are seeded for a block and left as they were."""

import pytest
import torch

from objectcrop.runtime.seeding import seeded_torch

CPU = torch.device("cpu")


def drawn(seed, device=CPU):
    with seeded_torch(seed, device):
        return torch.rand(4, device=device).tolist()


def draw_and_fail():
    with seeded_torch(3, CPU):
        return torch.rand(4) / (1 // 0)


def test_equal_seeds_draw_the_same_and_others_do_not():
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_the_global_state_is_left_as_it_was_also_after_an_error():
    state = torch.get_rng_state()
    drawn(3)
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ZeroDivisionError):
        draw_and_fail()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_generator_of_a_cuda_device_is_seeded_too_and_left_as_it_was():
    device = torch.device("cuda", 0)
    states = torch.get_rng_state(), torch.cuda.get_rng_state(device)
    assert drawn(3, device) == drawn(3, device)
    assert drawn(3, device) != drawn(4, device)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert torch.equal(torch.cuda.get_rng_state(device), states[1])
