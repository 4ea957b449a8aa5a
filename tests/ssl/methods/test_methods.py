"""Every method, pair of regions and extra loss trains; what each method computes is tested in a file of its own."""

from types import SimpleNamespace

import pytest
import torch

from objectcrop.runtime.randomness import generator
from objectcrop.ssl.pretraining import pretrain
from tests.ssl.conftest import merged
from tests.ssl.thirty_steps import LOSSES, METHODS, NUM_STEPS, PAIRS, changes_of, spread, train_thirty_steps


def every_combination():
    for method in METHODS:
        for pair in PAIRS:
            for losses in LOSSES:
                # the corners always, the other combinations in the slow tests
                is_corner = (pair, losses) in (("scene", "none"), ("obj-dilate", "both"))
                yield pytest.param(method, pair, losses, marks=() if is_corner else pytest.mark.slow)


@pytest.mark.parametrize(("method", "pair", "losses"), list(every_combination()))
def test_thirty_steps_lower_the_loss_and_keep_features_apart(tables, request_of, tmp_path, method, pair, losses):
    request = request_of("scene-scene", **changes_of(method, pair, losses))
    outcome = train_thirty_steps(tables, request, tmp_path / "c")
    assert len(outcome.history) == NUM_STEPS
    assert outcome.last < outcome.first, (outcome.first, outcome.last)
    assert ("loss_rotation" in outcome.history[0]) == (losses in ("rotation", "both"))
    assert ("loss_localization" in outcome.history[0]) == (losses in ("localization", "both"))
    assert outcome.spread > 0.3


@pytest.mark.parametrize("method", METHODS)
def test_a_run_with_two_heads_of_any_method_trains(tables, request_of, tmp_path, method):
    section = "moco" if method in ("moco_v2", "densecl") else method
    changes = merged(changes_of(method, "obj-dilate", "none"), {section: {"heads": "per_view"}})
    pretrained = pretrain(
        request_of("scene-scene", **merged(changes, {"optimizer": {"epochs": 1}})), tables, tmp_path / "c"
    )
    assert len(pretrained.summary["history"]) == 2


@pytest.mark.parametrize("method", ["densecl", "cmc"])
def test_a_small_stem_trains_with_every_loss(tables, request_of, tmp_path, method):
    """DenseCL matches positions of a map of 4 x 4 for images of 32 px, CMC has a small stem in both trunks."""
    changes = merged(changes_of(method, "obj-dilate", "both"), {"backbone": {"stem": "small"}})
    pretrained = pretrain(
        request_of("scene-scene", **merged(changes, {"optimizer": {"epochs": 1}})), tables, tmp_path / "c"
    )
    assert len(pretrained.summary["history"]) == 2
    assert pretrained.summary["settings"]["backbone"]["stem"] == "small"
    assert pretrained.backbone.forward_map(torch.zeros(1, 3, 32, 32)).shape[2:] == (4, 4)


def test_equal_features_have_no_spread(tables, request_of):
    """The measure above would see a collapse."""

    class Constant(torch.nn.Module):
        def view(self, images):
            return SimpleNamespace(features=torch.ones(len(images), 8))

    assert spread(Constant(), tables, request_of().run) == pytest.approx(0, abs=1e-6)
    rng = generator(0, "spread")

    class Random(torch.nn.Module):
        def view(self, images):
            return SimpleNamespace(features=torch.from_numpy(rng.normal(size=(len(images), 512))))

    assert spread(Random(), tables, request_of().run) > 0.9
