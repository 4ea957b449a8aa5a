"""The computation that forecasts are scaled by."""

import torch

from objectcrop.ssl.training.calibration import calibration_seconds


def test_it_takes_a_positive_time_and_leaves_threads_and_the_generator_as_they_were():
    torch.set_num_threads(2)
    state = torch.get_rng_state()
    assert 0 < calibration_seconds(0.1) < 60
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), state)
