"""No step makes its host wait for the device: for every method, its losses, optimizer and renderer."""

from contextlib import nullcontext

import pytest
import torch

from objectcrop.networks import batch_norm
from objectcrop.runtime.distributed import World
from objectcrop.runtime.transfer import send
from objectcrop.ssl.methods.registry import build_method
from objectcrop.ssl.training.metrics import Window
from objectcrop.ssl.training.optimizer import build_optimizer
from objectcrop.views.batched_render import pack
from objectcrop.views.batches import LabelledBatch, UntransformedBatch
from objectcrop.views.normalisation import normalise
from objectcrop.views.plan import ViewPlan
from tests.ssl.conftest import RECIPES
from tests.ssl.host_waits import DEVICE, HostWaits
from tests.ssl.wiring import batch_of, images, setup_of

DEVICE_ALONE = World(0, 1, DEVICE)
HEADS = {"heads": "per_view"}
BYOL = {"hidden_dims": 24, "embedding_dims": 16}
SMALL = {"views": {"small_crops": {"count": 2, "size_px": 32}}}
CASES = {
    "scene-scene": {},
    "oac": {},
    "oac-same-tag": {},
    "oac-key-encoder": {"losses": {"rotate_contrastive": True, "key_features": "key_encoder"}},
    "oac-merged": {"losses": {"localization": 0.0, "key_rows": "needed", "passes": "merged"}},
    "densecl": {"moco": HEADS},
    "byol": {"byol": HEADS},
    "swav": {"swav": HEADS, **SMALL},
    "cmc": {"cmc": HEADS},
    "cmc-nce": {},
    "insdis": {"insdis": HEADS},
    "supervised": {"optimizer": {"name": "sgd"}},
}


@pytest.fixture(autouse=True)
def _without_autocast(monkeypatch):
    """It knows no meta device; and what is kept on a device from its first use on is there."""
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **named: nullcontext())
    normalise(torch.empty(1, 32, 32, 3, dtype=torch.uint8, device=DEVICE))


def method_of(request_of, name, **changes):
    run = request_of(name if name in RECIPES else "oac", **changes).run
    labels = torch.tensor([0, 1, 2]) if run.method == "supervised" else None
    with DEVICE:
        return build_method(setup_of(run, DEVICE_ALONE, labels=labels)).train()


def batch_for(method):
    if method.run.method == "supervised":
        return LabelledBatch(images(1, 4, 32, 32), torch.tensor([0, 1, 2, 0]), torch.arange(4))
    tags = {"query_tags": (0, 1, 0, 1), "key_tags": (1, 0, 1, 0)} if method.run.uses_objects else {}
    return batch_of(num_small=2 if method.run.views.small_crops else 0, **tags)


def waits_of(method, batch):
    """Of the first step, which also makes the state of the optimizer, and Z of noise-contrastive estimation."""
    optimizer, window = build_optimizer(method.parameters(), method.run.optimizer), Window()
    with HostWaits() as waits:
        losses = method.step_losses(batch.to(DEVICE), 0)
        losses.total.backward()
        window.add(0, [0], losses)
        method.before_optimizer(0)
        optimizer.step()
        method.after_step(0, 2)
    return waits.places


@pytest.mark.parametrize("name", CASES)
def test_a_step_never_waits_for_the_device(request_of, name):
    method = method_of(request_of, name, **CASES[name])
    assert waits_of(method, batch_for(method)) == []


@pytest.mark.parametrize("name", ["byol", "swav"])
def test_statistics_of_several_processes_need_no_wait(request_of, monkeypatch, name):
    monkeypatch.setattr(batch_norm, "is_shared", lambda: True)
    monkeypatch.setattr(batch_norm.dist, "all_reduce", lambda values: None)
    method = method_of(request_of, name, **CASES[name])
    assert waits_of(method, batch_for(method)) == []


def test_batches_that_the_device_augments_need_no_wait(request_of):
    method, plan = method_of(request_of, "oac"), ViewPlan("scene", (0, 0, 9, 9), (0, 0, 9, 9))
    transforms = {name: pack([plan] * 4) for name in ("query", "key", "whole")}
    assert waits_of(method, UntransformedBatch(batch_for(method), transforms, 2.0, 2.0)) == []


def test_what_waits_is_counted():
    values = torch.ones(4, 3, device=DEVICE)
    with HostWaits() as waits:
        values.sum().item()
        bool(values.any())
        values[torch.zeros(4, dtype=torch.bool, device=DEVICE)]
        values[torch.zeros(4, dtype=torch.bool, device=DEVICE)] = 0
        torch.nonzero(values)
        torch.tensor([1.0], device=DEVICE)
        values.new_tensor([1.0])
        torch.ones(3).to(DEVICE)
        values.cpu()
        send(torch.ones(3), DEVICE)
        torch.full((3,), 1.0, device=DEVICE)
        values[torch.zeros(2, dtype=torch.long, device=DEVICE)]
    assert [place.split(" (")[0] for place in waits.places] == [
        "a value is read",
        "a value is read",
        "a mask as index",
        "a mask as index",
        "nonzero",
        "a tensor made on the host",
        "a tensor made on the host",
        "a copy from the host",
        "a copy to the host",
    ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: CUDA itself then names what waits")
@pytest.mark.parametrize("name", CASES)
def test_cuda_finds_no_wait_either(request_of, name):
    device = torch.device("cuda", 0)
    run = request_of(name if name in RECIPES else "oac", **CASES[name]).run
    labels = torch.tensor([0, 1, 2]) if run.method == "supervised" else None
    method = build_method(setup_of(run, World(0, 1, device), labels=labels)).train()
    optimizer = build_optimizer(method.parameters(), run.optimizer)
    batch = batch_for(method)
    pinned = batch._make(None if value is None else value.pin_memory() for value in batch)
    method.step_losses(pinned.to(device), 0).total.backward()
    optimizer.step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        optimizer.zero_grad(set_to_none=True)
        losses = method.step_losses(pinned.to(device), 1)
        losses.total.backward()
        method.before_optimizer(1)
        optimizer.step()
        method.after_step(1, 2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(losses.total), "a wait raises above; what was computed must be of use too"
