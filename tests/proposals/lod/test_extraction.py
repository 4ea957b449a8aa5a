"""One image through a thin random ResNet-18."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from objectcrop.boxes import Size
from objectcrop.proposals.lod.regions.extraction import Extractor, projection_of, propose_regions
from objectcrop.proposals.lod.regions.pooling import pool_regions, scale_to_one
from objectcrop.proposals.lod.regions.saliency import unlike_mean
from objectcrop.proposals.trunk import Trunk, normalised, reduced_size
from objectcrop.study.settings.proposals import LodProposals

SETTINGS = LodProposals(
    kind="lod",
    features_run="r",
    long_side_px=96,
    descriptor_size_px=64,
    max_peaks=4,
    num_levels=6,
    max_regions=20,
    projection_dims=16,
)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2).eval()


@pytest.fixture(scope="module")
def trunk(network) -> Trunk:
    return Trunk(network, SETTINGS.layers, SETTINGS.descriptor_layer)


@pytest.fixture(scope="module")
def extractor(trunk) -> Extractor:
    return Extractor(trunk, SETTINGS, 0)


def image(height: int = 70, width: int = 100, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_layers_have_the_strides_of_a_resnet(trunk):
    fine, coarse = trunk.maps(image(64, 96))
    assert (fine.shape, coarse.shape) == ((128, 8, 12), (256, 4, 6))
    assert trunk.strides == {"layer2": 8, "layer3": 16}
    assert fine.min() >= 0


def test_layers_are_what_the_network_itself_computes(network, trunk):
    outputs = {}
    hooks = [
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: outputs.update({name: output.clone()})
        )
        for name in ("layer2", "layer3", "layer4")
    ]
    maps = trunk.maps(image())
    whole = trunk.descriptor(image(), 100)
    with torch.inference_mode():
        network(normalised(image()))
        np.testing.assert_allclose(maps[0], outputs["layer2"][0].numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(maps[1], outputs["layer3"][0].numpy(), rtol=1e-4, atol=1e-5)
        network(normalised(np.asarray(Image.fromarray(image()).resize((100, 100), Image.Resampling.BICUBIC))))
    for hook in hooks:
        hook.remove()
    np.testing.assert_allclose(whole, outputs["layer4"][0].mean(dim=(1, 2)).numpy(), rtol=1e-4, atol=1e-5)


def test_a_layer_that_is_not_there_is_named(network):
    with pytest.raises(ValueError, match=r"layer7.*layer3"):
        Trunk(network, ("layer7",), "layer4")


def test_a_layer_that_gives_no_map_is_refused(network):
    with pytest.raises(ValueError, match=r"'fc' turns 256 x 256 pixels into shape \(2,\)"):
        Trunk(network, ("fc",), "layer4")


def test_the_descriptor_ignores_the_aspect_and_may_be_a_vector(network, trunk):
    assert trunk.descriptor(image(20, 90), 64).shape == (512,)
    assert Trunk(network, ("layer2",), "fc").descriptor(image(20, 90), 64).shape == (2,)


def test_pixels_are_scaled_as_the_network_asks():
    values = normalised(np.array([[[0, 127, 255]]], dtype=np.uint8), "minus_one_to_one")
    np.testing.assert_allclose(values.ravel(), [-127 / 128, 0, 1])


@pytest.mark.parametrize(
    ("size", "expected"), [(Size(200, 100), Size(96, 48)), (Size(80, 60), Size(80, 60)), (Size(3000, 2), Size(96, 1))]
)
def test_images_are_reduced_never_enlarged(size, expected):
    assert reduced_size(size, 96) == expected


def test_an_image_gets_regions_and_projected_features(extractor):
    described = extractor.describe(image(140, 200), "a")
    assert described.size == Size(96, 67)
    assert 2 <= len(described.regions.boxes) <= 20
    assert_array_equal(described.regions.boxes[0], [0, 0, 96, 67])
    assert described.features.shape == (len(described.regions.boxes), 16)


def test_centring_takes_the_image_s_mean_from_both_maps_and_the_features_of_regions(trunk):
    settings = SETTINGS.model_copy(update={"centring": "image", "projection_dims": None, "max_regions": 2000})
    described = Extractor(trunk, settings, 0).describe(image(64, 96), "a")
    fine, coarse = (unlike_mean(values) for values in trunk.maps(image(64, 96)))
    assert_array_equal(described.regions.boxes, propose_regions((fine, coarse), described.size, settings).boxes)
    pooled = pool_regions(coarse, described.regions.boxes, stride_px=16, grid=settings.region_grid)
    assert_array_equal(described.features, scale_to_one(pooled))


def test_the_same_image_gives_the_same_numbers_whatever_came_before(extractor, trunk):
    extractor.describe(image(seed=1), "another")
    first, second = extractor.describe(image(), "a"), Extractor(trunk, SETTINGS, 0).describe(image(), "a")
    for values, again in zip(
        (first.descriptor, first.features, *first.regions),
        (second.descriptor, second.features, *second.regions),
        strict=True,
    ):
        assert_array_equal(values, again)


@pytest.mark.parametrize("value", [0, 255])
def test_an_image_of_one_colour_gives_boxes_inside_it(extractor, value):
    described = extractor.describe(np.full((50, 70, 3), value, dtype=np.uint8), "plain")
    assert len(described.regions.boxes) >= 1
    assert (described.regions.boxes >= 0).all()
    assert (described.regions.boxes[:, 2:] <= [70, 50]).all()
    assert np.isfinite(described.features).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
def test_an_image_of_one_pixel_gives_no_boxes(extractor, shape):
    described = extractor.describe(image(*shape), "dot")
    assert described.regions.boxes.shape == (0, 4)
    assert described.features.shape == (0, 16)


def test_features_that_are_not_finite_stop_with_the_image(trunk):
    broken = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2).eval()
    nn.init.constant_(broken.conv1.weight, float("nan"))
    with pytest.raises(ValueError, match=r"image 0815.*not finite"):
        Extractor(Trunk(broken, SETTINGS.layers, "layer4"), SETTINGS, 0).describe(image(), "0815")


def test_features_below_zero_stop_with_the_image(network):
    settings = SETTINGS.model_copy(update={"layers": ("layer2.0.bn2", "layer3")})
    with pytest.raises(ValueError, match=r"image 0815.*end in a ReLU"):
        Extractor(Trunk(network, settings.layers, "layer4"), settings, 0).describe(image(), "0815")


def test_a_trunk_in_training_mode_is_refused():
    with pytest.raises(ValueError, match="eval"):
        Trunk(nn.Sequential().train(), SETTINGS.layers, "layer4")


def test_the_projection_belongs_to_the_study_s_seed():
    first, again, other = (projection_of(SETTINGS, 100, seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert projection_of(SETTINGS.model_copy(update={"projection_dims": None}), 100, 0) is None
