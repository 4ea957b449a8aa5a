"""One training step of MoCo-v2: ours, lightly's building blocks and a plain reference, at equal settings in one run.

All get the same trunk (ResNet-18 of half the width, plain batch norm over the batch, channels last), the same uint8
images and PyTorch's SGD; float32, one thread. A step is: normalise the images, forward, keys, loss, backward, SGD.
Ours also with its default, split batch norm (groups of 32), which the others do not have. Steps of all alternate; times are
the processor's, which other work on the machine disturbs less, and of one thread they are the wall clock's on a quiet one.
Prints a table and writes benchmarks/results/step.json.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from results_parts.record import record
from step_parts.lightly_moco import LightlyMoco
from step_parts.plain_moco import PlainMoco
from torch import Tensor, nn

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods.method import Setup
from objectcrop.ssl.methods.moco_v2 import MocoV2
from objectcrop.ssl.training.optimizer import build_optimizer
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch

ROOT = Path(__file__).resolve().parents[1]
SIDE_PX, BATCH, DIMS, MOMENTUM, RATE, DECAY = 64, 128, 128, 0.999, 0.03, 1e-4
ALONE = World(0, 1, torch.device("cpu"))
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Step = Callable[[], object]


def our_run(queue_length: int, group: int) -> Run:
    return Run.model_validate(
        {
            "dataset": "none",
            "backbone": {"arch": "resnet18", "width": 0.5},
            "views": {"size_px": SIDE_PX},
            "moco": {
                "queue_length": queue_length,
                "momentum": MOMENTUM,
                "embedding_dims": DIMS,
                "batch_norm_group": group,
            },
            "optimizer": {
                "global_batch_size": BATCH,
                "precision": "float32",
                "learning_rate": RATE,
                "weight_decay": DECAY,
            },
        }
    )


def images() -> PairBatch:
    generator = torch.Generator().manual_seed(0)
    query, key = (
        torch.randint(0, 256, (BATCH, SIDE_PX, SIDE_PX, 3), dtype=torch.uint8, generator=generator) for _ in range(2)
    )
    ones = torch.ones(BATCH, dtype=torch.long)
    return PairBatch(query, key, ones, ones, 0 * ones, None, None, torch.arange(BATCH))


def our_method(run: Run) -> MocoV2:
    with seeded_weights(0):
        return MocoV2(Setup(run, Seeds(0, 0), ALONE, num_samples=BATCH))


def our_step(run: Run, batch: PairBatch) -> Step:
    method = our_method(run).train()
    optimizer = build_optimizer(method.parameters(), run.optimizer)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        method.step_losses(batch, 0).total.backward()
        optimizer.step()
        method.after_step(0, 1)

    return step


def normalised(images: Tensor) -> Tensor:
    mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return (images.permute(0, 3, 1, 2).float() / 255 - mean) / deviation


def their_step(build: Callable[..., nn.Module], run: Run, batch: PairBatch) -> Step:
    with seeded_weights(0):
        trunk = build_backbone(run.backbone)
        model = build(trunk, trunk.num_features, dims=DIMS, queue_length=run.moco.queue_length, momentum=MOMENTUM)
    model = model.to(memory_format=torch.channels_last).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=RATE, momentum=0.9, weight_decay=DECAY)

    def step() -> None:
        loss = model(normalised(batch.query), normalised(batch.key))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def seconds(step: Step) -> float:
    start = time.process_time()
    step()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=25, help="steps of each, in turn")
    parser.add_argument("--queue-length", type=int, default=4096, help="K")
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    batch, plain_norm = images(), our_run(args.queue_length, 0)
    steps = {
        "ours": our_step(plain_norm, batch),
        "lightly_moco": their_step(LightlyMoco, plain_norm, batch),
        "plain_moco": their_step(PlainMoco, plain_norm, batch),
        "ours_split_batch_norm": our_step(our_run(args.queue_length, 32), batch),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(-2, args.repeats):
        names = list(steps)
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            step_s = seconds(steps[name])
            if repeat >= 0:  # the first ones warm up
                times[name].append(step_s)
    medians = {name: statistics.median(own) for name, own in times.items()}
    # of the same round, so that what else the machine does falls on both
    ratios = {
        name: statistics.median(theirs / ours for theirs, ours in zip(times[name], times["ours"], strict=True))
        for name in ("lightly_moco", "plain_moco")
    }
    print(f"{'':24}{'ms a step':>10}{'pairs/s':>10}{'over ours':>10}")
    for name, value in medians.items():
        print(f"{name:24}{1000 * value:10.1f}{BATCH / value:10.1f}{value / medians['ours']:10.3f}")
    print("ratios of the same round: " + ", ".join(f"{name} {value:.3f}" for name, value in ratios.items()))
    result = {
        "conditions": "1 core, 1 thread",
        "versions": {package: version(package) for package in ("torch", "torchvision", "lightly")}
        | {"python": platform.python_version()},
        "command": f"python benchmarks/step.py --repeats {args.repeats} --queue-length {args.queue_length}",
        "rows": [{"name": name, "value": round(1000 * value, 2), "unit": "ms"} for name, value in medians.items()],
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
    }
    record("step", result)


if __name__ == "__main__":
    main()
