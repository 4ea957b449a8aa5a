"""From an image file to every stage, a detector's trunk computes what ours does; one key set otherwise, and it does not."""

from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.data.detection_utils import read_image
from detectron2.modeling import build_model
from PIL import Image

from objectcrop.networks.backbones import STAGES
from objectcrop.networks.checkpoints import read_checkpoint
from objectcrop.networks.conversion import complete_resnet, find_trunk
from objectcrop.views.normalisation import normalise
from tests.evaluate.detection.conftest import trunk_with_statistics
from tests.evaluate.detection.test_weights import config

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")
SIZE = (64, 96)
"""Height and width, multiples of the coarsest stride: nothing is padded."""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An image whose colours are far from grey: its order matters."""
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    pixels[..., 2] //= 4
    path = tmp_path_factory.mktemp("image") / "image.png"
    assert cv2.imwrite(str(path), pixels)
    return path


def our_stages(trunk, path):
    pixels = torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy())[None]
    return list(trunk.forward_layers(normalise(pixels), STAGES).values())


def their_stages(model, cfg, path):
    """Maps of res2 to res5, of an image that is read as Detectron2's DatasetMapper reads it."""
    pixels = read_image(path, format=cfg.INPUT.FORMAT)
    batch = [{"image": torch.as_tensor(np.ascontiguousarray(pixels.transpose(2, 0, 1)))}]
    bottom_up = getattr(model.backbone, "bottom_up", model.backbone)
    map_ = bottom_up.stem(model.preprocess_image(batch).tensor)
    stages = list(bottom_up.stages)
    if hasattr(model.roi_heads, "res5"):
        stages.append(torch.nn.Sequential(*list(model.roi_heads.res5)[:-1]))
    maps = []
    for stage in stages:
        map_ = stage(map_)
        maps.append(map_)
    return maps


def detector(cfg, weights):
    model = build_model(cfg).eval()
    DetectionCheckpointer(model).load(str(weights))
    return model


@torch.no_grad()
def compare(trunk, cfg, weights, path):
    """Assert that stages are equal to 1e-5 of their largest value, and return how many there are."""
    ours, theirs = our_stages(trunk, path), their_stages(detector(cfg, weights), cfg, path)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.abs().max() > 0.1
        torch.testing.assert_close(other, mine, rtol=1e-5, atol=1e-5 * float(mine.abs().max()))
    return len(ours)


KINDS = pytest.mark.parametrize("kind", ["detector", "segmenter"])


@KINDS
@pytest.mark.parametrize(("arch", "width"), [("resnet18", 0.125), ("resnet50", 0.25), ("resnet50", 1.0)])
def test_every_stage_of_an_image_is_the_same(tmp_path, exported, image, kind, arch, width):
    trunk = trunk_with_statistics(arch, width)
    assert compare(trunk, config(tmp_path, arch, width, kind), exported(trunk), image) == 4


def other_colours(cfg):
    cfg.INPUT.FORMAT = "BGR"


def no_deviation(cfg):
    cfg.MODEL.PIXEL_STD = [1.0, 1.0, 1.0]


def strides_first(cfg):
    cfg.MODEL.RESNETS.STRIDE_IN_1X1 = True


@KINDS
@pytest.mark.parametrize("mistake", [other_colours, no_deviation, strides_first])
def test_one_wrong_key_of_the_config_is_noticed(tmp_path, exported, image, kind, mistake):
    trunk, cfg = trunk_with_statistics("resnet50", 0.25), config(tmp_path, "resnet50", 0.25, kind)
    weights = exported(trunk)
    compare(trunk, cfg, weights, image)
    cfg.defrost()
    mistake(cfg)
    with pytest.raises(AssertionError, match="Tensor-likes are not close"):
        compare(trunk, cfg, weights, image)


@KINDS
@pytest.mark.parametrize(("arch", "width"), [("resnet18", 0.125), ("resnet50", 0.25)])
def test_the_trunk_of_a_detector_is_read_back_bit_by_bit(tmp_path, exported, kind, arch, width):
    trunk = trunk_with_statistics(arch, width)
    state = detector(config(tmp_path, arch, width, kind), exported(trunk)).state_dict()
    torch.save({"model": state, "iteration": 24000, "optimizer": {"state": {}}}, tmp_path / "model_final.pth")
    found = find_trunk(read_checkpoint(tmp_path / "model_final.pth"), where="model_final")
    assert found.scheme.name == "detectron2"
    name, weights = complete_resnet(found, where="model_final")
    expected = trunk.state_dict()
    assert (name, weights.keys()) == (arch, expected.keys())
    assert all(torch.equal(weights[key], value) for key, value in expected.items())
    kinds = Counter(found.leftovers.values())
    assert set(kinds) <= {"detector", "pixel scale"}
    assert len(weights) + kinds.total() == len(state)
