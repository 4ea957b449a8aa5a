"""MoCo-v2's steps against a reference that shares no code with ours, in one process and in two."""

import copy

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from objectcrop.networks import backbones
from objectcrop.networks.backbones import seeded_weights
from objectcrop.runtime.distributed import World, join_world
from objectcrop.runtime.randomness import generator
from objectcrop.ssl.methods.moco_v2 import MocoV2
from objectcrop.ssl.samples.order import key_permutation
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch
from tests.ssl.processes import finish, start
from tests.ssl.wiring import SEEDS, ready, setup_of

BATCH, STEPS, QUEUE, DIMS = 8, 3, 16, 12
MOMENTUM, TEMPERATURE, RATE, DECAY = 0.9, 0.2, 0.01, 1e-4


def our_run(group: int) -> Run:
    return Run.model_validate(
        {
            "dataset": "tiny",
            "backbone": {"arch": "resnet18"},
            "views": {"size_px": 32},
            "moco": {
                "queue_length": QUEUE,
                "momentum": MOMENTUM,
                "embedding_dims": DIMS,
                "batch_norm_group": group,
            },
            "optimizer": {"global_batch_size": BATCH, "precision": "float32"},
        }
    )


def images_of(step):
    generator = torch.Generator().manual_seed(step + 1)
    return tuple(torch.randint(0, 256, (BATCH, 32, 32, 3), dtype=torch.uint8, generator=generator) for _ in range(2))


def built(group: int, world: World) -> MocoV2:
    backbones.normalise = ready
    torch.set_default_dtype(torch.float64)  # from the start: several processes lay out their gradients at once
    try:
        with seeded_weights(0):
            return MocoV2(setup_of(our_run(group), world))
    finally:
        torch.set_default_dtype(torch.float32)


def our_steps(group, shuffle, world) -> MocoV2:
    method = built(group, world)
    optimizer = torch.optim.SGD(method.network.parameters(), lr=RATE, momentum=0.9, weight_decay=DECAY)
    each = BATCH // world.size
    share = slice(world.rank * each, (world.rank + 1) * each)
    ones = torch.ones(each, dtype=torch.long)
    for step in range(STEPS):
        query, key = images_of(step)
        batch = PairBatch(query[share], key[share], ones, ones, 0 * ones, None, None, torch.arange(BATCH)[share])
        if shuffle == "loader":
            mine = key_permutation(SEEDS, step, BATCH)[share]
            batch = batch._replace(shuffled_key=key[mine], shuffled_key_tags=ones)
        losses = method.step_losses(batch, step)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        method.after_step(step, STEPS)
    return method


def our_process(file, group, shuffle):
    with join_world(0) as world:
        method = our_steps(group, shuffle, world)
        if world.is_first:
            torch.save(method.state_dict(), file)


class Encoder(nn.Module):
    """torchvision's ResNet-18 and MoCo-v2's projector."""

    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18()
        self.trunk.fc = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, DIMS))

    def forward(self, images, parts):
        """Each part of the batch is normalised by itself, as if on a device of its own."""
        embeddings = torch.cat([self.trunk(part) for part in images.chunk(parts)])
        return embeddings / embeddings.norm(dim=1, keepdim=True)

    def take(self, state, prefix):
        ours = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        own = {name.removeprefix("backbone."): value for name, value in ours.items() if name.startswith("backbone.")}
        head = "projector.head."
        own |= {f"fc.{name.removeprefix(head)}": value for name, value in ours.items() if name.startswith(head)}
        self.trunk.load_state_dict(own)
        return self


def reference_steps(first_state, parts):
    """(query encoder, queue, pointer) after the steps, from MoCo's algorithm 1 and MoCo-v2's recipe."""
    query = Encoder().double().take(first_state, "network.encoder.")
    key = copy.deepcopy(query)
    queue, pointer = first_state["queue.keys"].clone(), 0
    velocity = [torch.zeros_like(p) for p in query.parameters()]
    for step in range(STEPS):
        query_images, key_images = (ready(images) for images in images_of(step))
        q = query(query_images, parts)
        with torch.no_grad():
            for k, p in zip(key.parameters(), query.parameters(), strict=True):
                k.copy_(MOMENTUM * k + (1 - MOMENTUM) * p)
            order = torch.from_numpy(generator(0, "shuffle", 1, step).permutation(BATCH))
            keys = torch.empty(BATCH, DIMS, dtype=torch.float64)
            keys[order] = key(key_images[order], parts)
        logits = torch.cat([(q * keys).sum(dim=1, keepdim=True), q @ queue.T], dim=1) / TEMPERATURE
        loss = F.cross_entropy(logits, torch.zeros(BATCH, dtype=torch.long))
        gradients = torch.autograd.grad(loss, list(query.parameters()))
        with torch.no_grad():
            for p, gradient, v in zip(query.parameters(), gradients, velocity, strict=True):
                v.mul_(0.9).add_(gradient + DECAY * p)
                p.sub_(RATE * v)
        for embedding in keys:
            queue[pointer] = embedding
            pointer = (pointer + 1) % QUEUE
    return query, key, queue, pointer


def check(state, parts):
    first = built(0, World(0, 1, torch.device("cpu"))).state_dict()
    query, key, queue, pointer = reference_steps(first, parts)
    assert state["queue._extra_state"] == {"pointer": pointer} == {"pointer": STEPS * BATCH % QUEUE}
    torch.testing.assert_close(state["queue.keys"], queue, rtol=0, atol=1e-6)
    for prefix, expected in (("network.encoder.", query), ("key_encoder.", key)):
        encoder = Encoder().double().take(state, prefix)
        for (name, ours), theirs in zip(encoder.named_parameters(), expected.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6, msg=f"{prefix}{name}")
    assert not torch.equal(first["queue.keys"], queue)


@pytest.fixture(autouse=True)
def _own_normalise(monkeypatch):
    monkeypatch.setattr(backbones, "normalise", backbones.normalise)


@pytest.mark.parametrize(("group", "parts"), [(0, 1), (4, 2)])
def test_three_steps_of_one_process_equal_the_reference_with_as_many_batch_norms(group, parts):
    check(our_steps(group, "all_gather", World(0, 1, torch.device("cpu"))).state_dict(), parts)


@pytest.mark.parametrize("shuffle", ["all_gather", "loader"])
def test_three_steps_of_two_processes_equal_the_reference_with_the_same_global_batch(tmp_path, shuffle):
    assert finish(start(our_process, 2, tmp_path / "state.pt", 0, shuffle)) == [0, 0]
    check(torch.load(tmp_path / "state.pt", weights_only=True), parts=2)
