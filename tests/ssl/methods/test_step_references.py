"""The plain references of benchmarks/step.py compute what our methods do: equal losses from equal weights, over steps."""

import copy

import pytest
import torch

from benchmarks.step_parts.plain_byol import PlainByol
from benchmarks.step_parts.plain_densecl import PlainDenseCl
from benchmarks.step_parts.plain_moco import PlainMoco
from benchmarks.step_parts.plain_oac import PlainOac
from tests.ssl.wiring import OBJECT_PAIR, batch_of, build, images, ready

pytestmark = pytest.mark.usefixtures("double_pixels")

STEPS, RATE = 3, 0.05
MOCO = {"projector_batch_norm": False, "batch_norm_group": 0}
QUEUED = {"dims": 16, "queue_length": 16, "momentum": 0.9}


def plain(reference, method, parts, **sizes):
    """A reference with our weights: `parts` are pairs of its modules and ours, by name."""
    trunk = copy.deepcopy(method.backbone)
    model = reference(trunk, trunk.num_features, **sizes).double().train()
    for theirs, ours in parts.items():
        model.get_submodule(theirs).load_state_dict(method.get_submodule(ours).state_dict())
    for name in ("queue", "dense_queue"):
        if hasattr(model, name):
            getattr(model, name).copy_(getattr(method, name).keys.T)
    return model


def moco(request_of):
    method = build(request_of, "moco_v2", moco=MOCO)
    ours = {"query.0": "network.encoder.backbone", "query.1": "network.encoder.projector.head"}
    keys = {"key.0": "key_encoder.backbone", "key.1": "key_encoder.projector.head"}
    return method, plain(PlainMoco, method, ours | keys, **QUEUED)


def densecl(request_of):
    method = build(request_of, "densecl", moco=MOCO)
    names = {"trunk": "backbone", "head": "projector.head", "dense": "dense_projector.head"}
    ours = {f"query.{theirs}": f"network.encoder.{own}" for theirs, own in names.items()}
    keys = {f"key.{theirs}": f"key_encoder.{own}" for theirs, own in names.items()}
    return method, plain(PlainDenseCl, method, ours | keys, **QUEUED)


def byol(request_of):
    method = build(request_of, "byol", byol={"hidden_dims": 24, "embedding_dims": 16, "target_momentum": 0.9})
    ours = {"online.0": "network.branch.backbone", "online.1": "network.branch.projector.head"}
    others = {"target.0": "target.backbone", "target.1": "target.projector.head", "predictor": "network.predictor"}
    return method, plain(PlainByol, method, ours | others, dims=16, hidden=24, momentum=0.9)


def oac(request_of):
    losses = {"rotation": 1.0, "localization": 1.0, "patches": 3}
    method = build(request_of, "moco_v2", moco={**MOCO, "heads": "per_view"}, views=OBJECT_PAIR, losses=losses)
    encoders = {"": "network.encoder", "key_": "key_encoder"}
    parts = {"rotation": "network.extra.rotation.layers", "localization": "network.extra.localization.layers"}
    for prefix, encoder in encoders.items():
        parts |= {f"{prefix}trunk": f"{encoder}.backbone", f"{prefix}of_objects": f"{encoder}.projector.heads.0"}
        parts |= {f"{prefix}of_scenes": f"{encoder}.projector.heads.1"}
    return method, plain(PlainOac, method, parts, **QUEUED, patches=3)


@pytest.mark.parametrize("built", [moco, densecl, byol, oac], ids=lambda built: built.__name__)
def test_a_plain_reference_has_our_losses_over_steps(request_of, built):
    method, model = built(request_of)
    # of 64 pixels: maps of four positions
    views = {name: images(seed, 4, 64, 64) for seed, name in enumerate(("query", "key", "whole"))}
    batch = batch_of(query_tags=(0, 1, 0, 1), key_tags=(1, 0, 1, 0))._replace(**views)
    inputs = [ready(batch.query), ready(batch.key)]
    if built is oac:
        inputs += [ready(batch.whole), batch.query_tags == 0, batch.rotation, batch.cells.double()]
    ours, theirs = (torch.optim.SGD(module.parameters(), lr=RATE) for module in (method, model))
    for step in range(STEPS):
        losses = []
        for optimizer, loss in ((ours, method.step_losses(batch, step).total), (theirs, model(*inputs))):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        method.after_step(0, 1)
        assert losses[0] == pytest.approx(losses[1], rel=1e-9), f"step {step}"
