"""One training step of MoCo-v2, OAC, DenseCL and BYOL: ours, lightly's building blocks and plain references, in one run.

All get the same trunk (ResNet-18 of half the width, plain batch norm over the batch, channels last), the same uint8 images of
noise and PyTorch's SGD; float32, one thread. A step is: normalise the images, forward, keys or targets, loss, backward, SGD.
OAC is MoCo-v2 with both extra losses in their literal reading; its other readings and MoCo-v2 with its default, split batch
norm (groups of 32), stand beside, without peers; lightly has no OAC. At 64 pixels DenseCL's maps have 4 positions. Steps of
all alternate; times are the processor's, which other work on the machine disturbs less, and of one thread they are the wall
clock's on a quiet one. Prints a table and writes benchmarks/results/step.json. `--quick` repeats less.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import torch
from first_run_parts.recorded import versions
from results_parts.record import record
from scipy.stats import binom
from step_parts.lightly_byol import LightlyByol
from step_parts.lightly_densecl import LightlyDenseCl
from step_parts.lightly_moco import LightlyMoco
from step_parts.plain_byol import PlainByol
from step_parts.plain_densecl import PlainDenseCl
from step_parts.plain_moco import PlainMoco
from step_parts.plain_oac import PlainOac
from step_parts.readings import BOTH, PATCHES, READINGS, losses_of, noise_batch
from torch import Tensor, nn

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods.method import Method, Setup
from objectcrop.ssl.methods.registry import build_method
from objectcrop.ssl.training.optimizer import build_optimizer
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch

SIDE_PX, BATCH, DIMS, HIDDEN, MOMENTUM, RATE, DECAY = 64, 128, 128, 1024, 0.999, 0.03, 1e-4
ALONE = World(0, 1, torch.device("cpu"))
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MERGED = "one merged pass"
"""A reading that needs split batch norm: left out."""
Step = Callable[[], object]
Build = Callable[..., nn.Module]


class Compared(NamedTuple):
    """A method, and what stands beside it.

    Attributes:
        changes: settings of our run beside the common ones.
        sizes: what references are built with.
        peers: references by name.
    """

    changes: dict[str, Any]
    sizes: dict[str, Any]
    peers: dict[str, Build]


def compared(queue_length: int) -> dict[str, Compared]:
    """Return the methods by name."""
    moco = {"queue_length": queue_length, "momentum": MOMENTUM, "embedding_dims": DIMS, "batch_norm_group": 0}
    queued = {"dims": DIMS, "queue_length": queue_length, "momentum": MOMENTUM}
    byol = {"target_momentum": MOMENTUM, "hidden_dims": HIDDEN, "embedding_dims": DIMS}
    sizes = {"dims": DIMS, "hidden": HIDDEN, "momentum": MOMENTUM}
    objects = {
        "moco": {**moco, "heads": "per_view"},
        "views": {"size_px": SIDE_PX, "regions": ["object", "dilated_object"], "proposals": "any"},
        "losses": losses_of(BOTH, "literal", SIDE_PX),
    }
    return {
        "moco": Compared({"moco": moco}, queued, {"lightly": LightlyMoco, "plain": PlainMoco}),
        "densecl": Compared(
            {"method": "densecl", "moco": moco}, queued, {"lightly": LightlyDenseCl, "plain": PlainDenseCl}
        ),
        "byol": Compared({"method": "byol", "byol": byol}, sizes, {"lightly": LightlyByol, "plain": PlainByol}),
        "oac": Compared(objects, {**queued, "patches": PATCHES}, {"plain": PlainOac}),
    }


def run_of(changes: dict[str, Any]) -> Run:
    """Return the settings that a step of ours computes with."""
    optimizer = {
        "global_batch_size": BATCH,
        "name": "sgd",
        "precision": "float32",
        "learning_rate": RATE,
        "weight_decay": DECAY,
    }
    backbone, views = {"arch": "resnet18", "width": 0.5}, {"size_px": SIDE_PX}
    return Run.model_validate(
        {"dataset": "none", "backbone": backbone, "views": views, "optimizer": optimizer, **changes}
    )


def our_method(run: Run) -> Method:
    """Return a method with fresh weights."""
    with seeded_weights(0):
        return build_method(Setup(run, Seeds(0, 0), ALONE, num_samples=BATCH))


def our_step(run: Run, batch: PairBatch) -> Step:
    """Return a step as training takes it, but for the log."""
    method = our_method(run).train()
    optimizer = build_optimizer(method.parameters(), run.optimizer)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        method.step_losses(batch, 0).total.backward()
        optimizer.step()
        method.after_step(0, 1)

    return step


def normalised(images: Tensor) -> Tensor:
    """Return what a trunk takes, as a user would write it."""
    mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return (images.permute(0, 3, 1, 2).float() / 255 - mean) / deviation


def reference(build: Build, run: Run, sizes: dict[str, Any]) -> nn.Module:
    """Return a peer on the trunk of a run."""
    with seeded_weights(0):
        trunk = build_backbone(run.backbone)
        return build(trunk, trunk.num_features, **sizes).to(memory_format=torch.channels_last).train()


def loss_of(model: nn.Module, batch: PairBatch) -> Tensor:
    """Return a peer's loss of a batch."""
    images = [normalised(batch.query), normalised(batch.key)]
    if isinstance(model, PlainOac):
        assert batch.whole is not None
        labels = batch.query_tags == 0, batch.rotation, batch.cells
        loss: Tensor = model(*images, normalised(batch.whole), *labels)
        return loss
    loss = model(*images)
    return loss


def their_step(model: nn.Module, batch: PairBatch) -> Step:
    """Return a peer's step."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=RATE, momentum=0.9, weight_decay=DECAY)

    def step() -> None:
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def steps_of(queue_length: int) -> dict[tuple[str, str], Step]:
    """Return all steps by method and by whose they are; readings and variants of ours by their names."""
    steps: dict[tuple[str, str], Step] = {}
    for name, (changes, sizes, peers) in compared(queue_length).items():
        run = run_of(changes)
        batch = noise_batch(run, BATCH, ALONE.device)
        steps[name, "ours"] = our_step(run, batch)
        for peer, build in peers.items():
            steps[name, peer] = their_step(reference(build, run, sizes), batch)
        if name == "moco":
            split = run_of({"moco": {**changes["moco"], "batch_norm_group": 32}})
            steps[name, "split batch norm"] = our_step(split, batch)
        for reading in [reading for reading in READINGS if name == "oac" and reading not in ("literal", MERGED)]:
            read = run_of({**changes, "losses": losses_of(BOTH, reading, SIDE_PX)})
            steps[name, reading] = our_step(read, noise_batch(read, BATCH, ALONE.device))
    return steps


def seconds(step: Step) -> float:
    """Return the processor's seconds of a step."""
    start = time.process_time()
    step()
    return time.process_time() - start


def measure(steps: dict[tuple[str, str], Step], repeats: int) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of each step in each round; two rounds before warm up."""
    times: dict[tuple[str, str], list[float]] = {name: [] for name in steps}
    for repeat in range(-2, repeats):
        names = list(steps)
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            step_s = seconds(steps[name])
            if repeat >= 0:
                times[name].append(step_s)
    return times


def ratios_of(times: dict[tuple[str, str], list[float]]) -> dict[str, tuple[float, float, float]]:
    """Return peers' times over ours, and OAC's over MoCo-v2's; of the same round, so that other work falls on both.

    Returns:
        For each the median over the rounds, and its interval: the ranks that hold a median with 95% or more, all
        of fewer than six rounds.
    """

    def ratio(one: tuple[str, str], other: tuple[str, str]) -> tuple[float, float, float]:
        ratios = sorted(first / second for first, second in zip(times[one], times[other], strict=True))
        rank = max(int(binom.ppf(0.025, len(ratios), 0.5)), 1)
        return statistics.median(ratios), ratios[rank - 1], ratios[-rank]

    peers = {f"{who}_{name}": ratio((name, who), (name, "ours")) for name, who in times if who in ("lightly", "plain")}
    readings = [who for name, who in times if name == "oac" and who not in ("ours", "plain")]
    over = {f"oac_over_moco, {who}": ratio(("oac", who), ("moco", "ours")) for who in readings}
    return peers | {"oac_over_moco": ratio(("oac", "ours"), ("moco", "ours"))} | over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=25, help="steps of each, in turn")
    parser.add_argument("--quick", action="store_true", help="5 steps of each")
    parser.add_argument("--queue-length", type=int, default=4096, help="K")
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    torch.manual_seed(0)
    times = measure(steps_of(args.queue_length), 5 if args.quick else args.repeats)
    ratios = ratios_of(times)
    rows = []
    for (name, who), own in times.items():
        value = 1000 * statistics.median(own)
        print(f"{name:10}{who:45}{value:10.1f} ms a step{1000 * BATCH / value:10.1f} pairs/s")
        rows.append({"name": f"{name}, {who}", "value": round(value, 2), "unit": "ms"})
    for name, (value, low, high) in ratios.items():
        print(f"{name:60}{value:8.3f}   {low:.3f} to {high:.3f}")
    result = {
        "conditions": "1 core, 1 thread, processor time",
        "versions": versions() | {"lightly": version("lightly")},
        "command": " ".join(["python benchmarks/step.py", *sys.argv[1:]]),
        "rows": rows,
        "ratios": {name: round(value, 3) for name, (value, _, _) in ratios.items()},
        "intervals": {name: [round(low, 3), round(high, 3)] for name, (_, low, high) in ratios.items()},
    }
    record("step", result)


if __name__ == "__main__":
    main()
