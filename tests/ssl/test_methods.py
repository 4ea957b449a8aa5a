"""Every method, pair of regions and extra loss trains; what each method computes is tested in a file of its own."""

import pytest
import torch

from objectcrop.runtime.randomness import generator
from objectcrop.ssl.inputs import normalise
from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.samples import PairSamples, PictureList, boxes_by_picture
from tests.ssl.conftest import OAC, merged

ADAMW = {"optimizer": {"epochs": 15, "global_batch_size": 8, "name": "adamw", "learning_rate": 0.005}}
QUEUE = {"queue_length": 8, "batch_norm_group": 0}
METHODS = {
    # chosen by trial: 8 negatives and 30 steps leave little to fall
    "moco_v2": {"moco": {**QUEUE, "momentum": 0.9}},
    "densecl": {"moco": {**QUEUE, "momentum": 0.99}},
    "byol": {"byol": {"hidden_dims": 32, "embedding_dims": 16, "target_momentum": 0.9}},
    "swav": {"swav": {"hidden_dims": 32, "embedding_dims": 16, "num_prototypes": 8, "frozen_prototype_steps": 4}},
    "cmc": {"cmc": {"embedding_dims": 16, "num_negatives": 16, "temperature": 0.2}},
    "insdis": {"insdis": {"embedding_dims": 16, "num_negatives": 16, "temperature": 0.5}},
}
PAIRS = {"scene": {}, "obj-dilate": {"views": OAC["views"]}}
LOSSES = {
    "none": {},
    "rotation": {"losses": {"rotation": 1.0}},
    "localization": {"losses": {"localization": 1.0, "patches": 3}},
    "both": {"losses": OAC["losses"]},
}


def changes_of(method, pair, losses):
    found = merged(ADAMW, {"method": method})
    for changes in (METHODS[method], PAIRS[pair], LOSSES[losses]):
        found = merged(found, changes)
    return found


def spread(backbone, tables, run):
    """Mean over axes of the deviation of unit features over pictures, times the root of their number: about 1 at most."""
    pictures = PictureList.of(tables.manifest, tables.data_root)
    samples = PairSamples(pictures, boxes_by_picture(tables.proposals, pictures), run, 0.5, 0, 0)
    images = samples.__getitems__([(0, row) for row in range(len(pictures))]).query
    with torch.no_grad():
        features = torch.nn.functional.normalize(backbone.train()(normalise(images)), dim=1)
    return features.std(dim=0).mean().item() * features.shape[1] ** 0.5


@pytest.fixture
def same_views_in_every_epoch(monkeypatch):
    """Thirty steps are few: with the same views again, a loss falls because it is descended, not by luck of the crops."""
    plan = PairSamples.plan
    monkeypatch.setattr(PairSamples, "plan", lambda samples, key: plan(samples, (0, key[1])))


def every_combination():
    for method in METHODS:
        for pair in PAIRS:
            for losses in LOSSES:
                # the corners always, what lies between in the slow tests
                is_corner = (pair, losses) in (("scene", "none"), ("obj-dilate", "both"))
                yield pytest.param(method, pair, losses, marks=() if is_corner else pytest.mark.slow)


@pytest.mark.parametrize(("method", "pair", "losses"), list(every_combination()))
@pytest.mark.usefixtures("same_views_in_every_epoch")
def test_thirty_steps_lower_the_loss_and_keep_features_apart(tables, request_of, tmp_path, method, pair, losses):
    request = request_of("scene-scene", **changes_of(method, pair, losses))
    found = pretrain(request, tables, tmp_path / "c")
    history = found.summary["history"]
    assert len(history) == 30
    # the first two steps meet a queue of noise, which is easy to tell from a picture
    first, last = (sum(row["loss"] for row in rows) / 6 for rows in (history[2:8], history[-6:]))
    assert last < first, (first, last)
    assert ("loss_rotation" in history[0]) == (losses in ("rotation", "both"))
    assert ("loss_localization" in history[0]) == (losses in ("localization", "both"))
    assert spread(found.backbone, tables, request.run) > 0.3


@pytest.mark.parametrize("method", METHODS)
def test_a_run_with_two_heads_of_any_method_trains(tables, request_of, tmp_path, method):
    section = "moco" if method in ("moco_v2", "densecl") else method
    changes = merged(changes_of(method, "obj-dilate", "none"), {section: {"heads": "per_view"}})
    found = pretrain(request_of("scene-scene", **merged(changes, {"optimizer": {"epochs": 1}})), tables, tmp_path / "c")
    assert len(found.summary["history"]) == 2


@pytest.mark.parametrize("method", ["densecl", "cmc"])
def test_a_small_stem_trains_with_every_loss(tables, request_of, tmp_path, method):
    """DenseCL matches positions of a map of 4 x 4 for pictures of 32 px, CMC has a small stem in both trunks."""
    changes = merged(changes_of(method, "obj-dilate", "both"), {"backbone": {"stem": "small"}})
    found = pretrain(request_of("scene-scene", **merged(changes, {"optimizer": {"epochs": 1}})), tables, tmp_path / "c")
    assert len(found.summary["history"]) == 2
    assert found.summary["settings"]["backbone"]["stem"] == "small"
    assert found.backbone.forward_map(torch.zeros(1, 3, 32, 32)).shape[2:] == (4, 4)


def test_equal_features_have_no_spread(tables, request_of):
    """The measure above would see a collapse."""

    class Constant(torch.nn.Module):
        def forward(self, images):
            return torch.ones(len(images), 8)

    assert spread(Constant(), tables, request_of().run) == pytest.approx(0, abs=1e-6)
    chance = generator(0, "spread")

    class Random(torch.nn.Module):
        def forward(self, images):
            return torch.from_numpy(chance.normal(size=(len(images), 512)))

    assert spread(Random(), tables, request_of().run) > 0.9
