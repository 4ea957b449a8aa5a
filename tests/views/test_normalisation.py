"""What networks see of stored pixels."""

import torch

from objectcrop.views.normalisation import normalise


def test_normalised_images_have_imagenets_mean_and_channels_last():
    images = torch.tensor([123.675, 116.28, 103.53]).round().to(torch.uint8).repeat(2, 8, 8, 1)
    normalised = normalise(images)
    assert normalised.shape == (2, 3, 8, 8)
    assert normalised.is_contiguous(memory_format=torch.channels_last)
    assert normalised.abs().max() < 0.01
