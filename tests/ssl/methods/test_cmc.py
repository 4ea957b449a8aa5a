"""CMC: a step written out, memory banks, colours, and the trunk that is exported."""

import copy

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from objectcrop.networks.backbones import build_backbone
from objectcrop.networks.color_pair import ColorSplit, rgb_to_lab, rgb_to_ycbcr
from objectcrop.networks.weights import load_backbone, save_backbone
from objectcrop.study.settings.runs import BackboneSettings
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build, ready

pytestmark = pytest.mark.usefixtures("double_pixels")

SMALL = {"embedding_dims": 16, "num_negatives": 100}


@pytest.mark.parametrize("crops", ["one", "two"])
def test_a_step_holds_each_kind_of_view_against_the_others_bank(request_of, crops):
    method = build(request_of, "cmc", cmc={**SMALL, "crops": crops})
    network, batch = copy.deepcopy(method.network), batch_of()
    banks = method.luminance_bank.rows.clone(), method.chrominance_bank.rows.clone()
    luminance = network.backbone.luminance(network.backbone.colors(ready(batch.query))[0])
    source = batch.query if crops == "one" else batch.key
    chrominance = network.backbone.chrominance(network.backbone.colors(ready(source))[1])
    v1 = normalize(network.luminance_head.head(luminance), dim=1)
    v2 = normalize(network.chrominance_head.head(chrominance), dim=1)
    expected = 0.0
    for row, place in enumerate(batch.rows.tolist()):
        for vector, bank in ((v1[row], banks[1]), (v2[row], banks[0])):
            logits = bank @ vector / 0.07  # every image once: the own row is the positive
            expected += (torch.logsumexp(logits, dim=0) - logits[place]) / 4
    assert method.step_losses(batch, 0).total.item() == pytest.approx(expected.item(), abs=1e-10)
    moved = normalize(0.5 * banks[0][batch.rows] + 0.5 * v1.detach(), dim=1)
    torch.testing.assert_close(method.luminance_bank.rows[batch.rows], moved)
    untouched = [row for row in range(12) if row not in batch.rows.tolist()]
    assert torch.equal(method.luminance_bank.rows[untouched], banks[0][untouched])


def test_noise_contrastive_estimation_holds_each_kind_of_view_against_the_others_bank(request_of):
    method = build(request_of, "cmc", cmc={**SMALL, "loss": "nce"})
    network, batch = copy.deepcopy(method.network), batch_of()
    banks = method.luminance_bank.rows.clone(), method.chrominance_bank.rows.clone()
    luminance, chrominance = network.backbone.colors(ready(batch.query))
    v1 = normalize(network.luminance_head.head(network.backbone.luminance(luminance)), dim=1)
    v2 = normalize(network.chrominance_head.head(network.backbone.chrominance(chrominance)), dim=1)
    expected = 0.0
    for vectors, bank in ((v1, banks[1]), (v2, banks[0])):
        likelihood = torch.exp(vectors @ bank.T / 0.07)
        p = likelihood / (likelihood.mean() * 12)
        h = p / (p + 1)  # all 12 rows are noise: m P_n is 1
        own = h[torch.arange(4), batch.rows]
        expected += (-torch.log(own) - torch.log(1 - h).sum(dim=1)).mean()
    assert method.step_losses(batch, 0).total.item() == pytest.approx(expected.item(), abs=1e-10)


def test_negatives_are_drawn_again_at_each_step(request_of):
    method = build(request_of, "cmc", cmc={**SMALL, "num_negatives": 5})
    draws = [method._negatives(step) for step in range(2)]
    assert [len(rows) for rows in draws] == [5, 5]
    assert not torch.equal(*draws)
    assert torch.equal(draws[0], method._negatives(0))


def test_all_of_the_network_gets_a_gradient_and_each_head_from_its_own_tag(request_of):
    method = build(request_of, "cmc", cmc=SMALL)
    method.step_losses(batch_of(), 0).total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in method.network.parameters())
    routed = build(request_of, "cmc", cmc={**SMALL, "heads": "per_view", "crops": "two"}, views=OBJECT_PAIR)
    routed.step_losses(batch_of(query_tags=(0,) * 4, key_tags=(1,) * 4), 0).total.backward()
    for head, used in ((routed.network.luminance_head, 0), (routed.network.chrominance_head, 1)):
        assert all(parameter.grad.abs().sum() > 0 for parameter in head.heads[used].parameters())
        assert all(parameter.grad.abs().sum() == 0 for parameter in head.heads[1 - used].parameters())


def test_lab_is_opencvs():
    rgb = np.random.default_rng(0).random((9, 7, 3), dtype=np.float32)
    rgb[0, :3] = [[0, 0, 0], [1, 1, 1], [0.02, 0.03, 0.01]]
    lab = rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(lab, cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), atol=0.6)  # OpenCV's curve is a spline


def test_ycbcr_of_four_colours():
    """ITU-R BT.601: black (16, 128, 128), white (235, 128, 128), pure blue has the greatest Cb, pure red the greatest Cr."""
    colours = torch.tensor([[0, 0, 0], [1, 1, 1], [0, 0, 1], [1, 0, 0]], dtype=torch.float64)
    ycbcr = rgb_to_ycbcr(colours.T.reshape(1, 3, 1, 4))[0, :, 0].T
    torch.testing.assert_close(ycbcr[0], torch.tensor([16.0, 128, 128], dtype=torch.float64))
    torch.testing.assert_close(ycbcr[1], torch.tensor([235.0, 128, 128], dtype=torch.float64), rtol=0, atol=1e-3)
    assert ycbcr[2, 1].item() == pytest.approx(240, abs=1e-3)
    assert ycbcr[3, 2].item() == pytest.approx(240, abs=1e-3)


@pytest.mark.parametrize("space", ["ycbcr", "lab"])
def test_a_grey_image_has_no_chrominance(space):
    grey = torch.full((1, 4, 4, 3), 90, dtype=torch.uint8)
    colourful = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    colourful[..., 0] = 255
    centres = {"ycbcr": (121.080, 132.342, 111.855, 111.964), "lab": (6.025, -6.69, 92.2, 101.2)}[space]
    neutral = 128.0 if space == "ycbcr" else 0.0
    luminance, chrominance = ColorSplit(space)(ready(grey))
    assert luminance.shape[1] == 1
    for channel in range(2):
        expected = (neutral - centres[channel]) / centres[2 + channel]
        assert chrominance[0, channel].mean().item() == pytest.approx(expected, abs=2e-3)
    assert (ColorSplit(space)(ready(colourful))[1] - chrominance).abs().max() > 0.3


def test_the_trunk_concatenates_two_halves_and_travels_through_a_file(tmp_path):
    settings = BackboneSettings(arch="resnet50", color="lab", width=0.25)
    trunk = build_backbone(settings).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        luminance, chrominance = trunk.colors(images)
        both = torch.cat([trunk.luminance(luminance), trunk.chrominance(chrominance)], dim=1)
        torch.testing.assert_close(trunk(images), both)
        save_backbone(trunk, tmp_path / "b.safetensors", {})
        loaded = load_backbone(tmp_path / "b.safetensors", settings).eval()
        torch.testing.assert_close(loaded(images), both, rtol=0, atol=0)
    assert trunk.num_features == 2 * 2048 // 8


def test_at_full_width_it_is_cmcs_v1():
    trunk = build_backbone(BackboneSettings(color="ycbcr"))
    assert tuple(trunk.luminance.conv1.weight.shape) == (64, 1, 7, 7)
    assert tuple(trunk.chrominance.conv1.weight.shape) == (64, 2, 7, 7)
    assert trunk.luminance.layer1[0].conv1.out_channels == 32
    assert trunk.num_features == 2048
    assert 11e6 < sum(parameter.numel() for parameter in trunk.parameters()) < 13e6  # ssl_recipes: 12 M
