"""Trainers in processes of their own, forked from a server that has imported everything: they start in milliseconds."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
import torch.utils.tensorboard  # what a trainer would import itself, once for all
from torch import nn
from torch.nn import functional as F

from objectcrop.networks.backbones import Backbone, ResNet
from objectcrop.networks.batch_norm import SplitBatchNorm2d
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import Stopped
from objectcrop.ssl.pretraining import Request, pretrain
from objectcrop.study.settings.runs import BackboneSettings
from tests.ssl.conftest import RECIPES, make_tables, merged, tiny_run

ROOT = Path(__file__).resolve().parents[2]
BACKBONE = "backbone.safetensors"


def start(target: Callable[..., None], size: int, *arguments: Any) -> list[ForkServerProcess]:
    """Start `target(*arguments)` in `size` processes that find each other as under torchrun."""
    context = multiprocessing.get_context("forkserver")
    os.environ["PYTHONPATH"] = str(ROOT)
    context.set_forkserver_preload(["tests.ssl.processes"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        context.Process(target=_enter, args=(rank, size, port, target, *arguments), daemon=False)
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    return processes


def finish(processes: list[ForkServerProcess], timeout_s: float = 120) -> list[int | None]:
    """Exit codes; what does not end in time is killed."""
    for process in processes:
        process.join(timeout_s)
        if process.is_alive():
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def _enter(rank: int, size: int, port: int, target: Callable[..., None], *arguments: Any) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    target(*arguments)


def train(folder: Path, name: str, changes: dict[str, Any], workers: int = 0, save_every_s: float = 0.0) -> None:
    """A tiny run in `folder`/c, as the script does it; images are in `folder`/images (see `draw`)."""
    from objectcrop.ssl import pretraining

    pretraining.split_threads = lambda threads, gpus: (1, workers)
    request = Request(name, tiny_run(**merged(RECIPES[name], changes)), Seeds(0, 1), save_every_s=save_every_s)
    try:
        pretrained = pretrain(request, torch.load(folder / "tables.pt", weights_only=False), folder / "c")
    except Stopped as stopped:
        os._exit(int(stopped.code or 0))  # as quick as a signal's end
    if pretrained is not None:
        save_backbone(pretrained.backbone, folder / BACKBONE, {})


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm with fixed statistics in training too."""

    def train(self, mode: bool = True) -> "FrozenBatchNorm":
        return super().train(False)


def frozen_backbone(
    settings: BackboneSettings, batch_norm_group: int | None = None, *, is_global: bool = False
) -> Backbone:
    """A trunk in which no image depends on the rest of its batch."""
    return ResNet(settings, FrozenBatchNorm)


class DroppingResNet(ResNet):
    """Drops half of its features in each pass of training."""

    def forward_map(self, images: torch.Tensor) -> torch.Tensor:
        return F.dropout(super().forward_map(images), 0.5, self.training)


def dropping_backbone(settings: BackboneSettings, batch_norm_group: int, *, is_global: bool = False) -> Backbone:
    """A small trunk that draws numbers in every step."""
    return DroppingResNet(settings, partial(SplitBatchNorm2d, group=batch_norm_group))


def train_dropping(folder: Path, name: str, changes: dict[str, Any], workers: int = 0) -> None:
    """As `train`, of a MoCo-v2 run, with a trunk that has dropout."""
    from objectcrop.ssl.methods import method

    method.build_backbone = dropping_backbone
    train(folder, name, changes, workers)


def train_supervised(folder: Path, parts: int) -> None:
    """Two steps without batch statistics; the weights go to `folder`/weights.pt."""
    from objectcrop.ssl.methods import method

    method.build_backbone = frozen_backbone
    optimizer = {"epochs": 1, "global_batch_size": 8, "name": "sgd", "learning_rate": 0.01}
    changes = {"optimizer": optimizer, "training": {"accumulation_steps": parts}}
    run = tiny_run(**merged(RECIPES["supervised"], changes))
    tables = torch.load(folder / "tables.pt", weights_only=False)
    pretrained = pretrain(Request("supervised", run, Seeds(0, 1)), tables, folder / "c")
    if pretrained is not None:
        torch.save(pretrained.backbone.state_dict(), folder / "weights.pt")


def train_noting_what_is_gathered(folder: Path, name: str, changes: dict[str, Any]) -> None:
    """As `train`, and the types of all tensors that the processes exchanged go to `folder`/gathered.pt."""
    from objectcrop.runtime.distributed import World

    dtypes: set[str] = set()
    gather = World.gather

    def noting(world: World, values: torch.Tensor) -> torch.Tensor:
        dtypes.add(str(values.dtype))
        return gather(world, values)

    World.gather = noting  # type: ignore[method-assign]
    train(folder, name, changes)
    if os.environ["RANK"] == "0":
        torch.save(sorted(dtypes), folder / "gathered.pt")


def draw(folder: Path) -> None:
    """Images and tables of the tiny training set."""
    images = folder / "images"
    images.mkdir(parents=True)
    torch.save(make_tables(images), folder / "tables.pt")
