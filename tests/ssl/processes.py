"""Trainers in processes of their own, forked from a server that has imported everything: they start in milliseconds."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
import torch.utils.tensorboard  # what a trainer would import itself, once for all

from objectcrop.ssl.loop import Stopped
from objectcrop.ssl.pretraining import Request, pretrain
from objectcrop.ssl.weights import save_backbone
from tests.ssl.conftest import RECIPES, make_tables, merged, tiny_run

ROOT = Path(__file__).resolve().parents[2]
BACKBONE = "backbone.safetensors"


def start(target: Callable[..., None], size: int, *arguments: Any) -> list[ForkServerProcess]:
    """`target(*arguments)` in so many processes that find each other as under torchrun."""
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
    """A tiny run in `folder`/c, as the script does it; pictures lie in `folder`/pictures (see `draw`)."""
    from objectcrop.ssl import pretraining

    pretraining.split_threads = lambda threads, gpus: (1, workers)
    request = Request(name, tiny_run(**merged(RECIPES[name], changes)), study_seed=0, seed=1, save_every_s=save_every_s)
    try:
        found = pretrain(request, torch.load(folder / "tables.pt", weights_only=False), folder / "c")
    except Stopped as stopped:
        os._exit(int(stopped.code or 0))  # as quick as a signal's end
    if found is not None:
        save_backbone(found.backbone, folder / BACKBONE, {})


def draw(folder: Path) -> None:
    """Pictures and tables of the tiny training set."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    torch.save(make_tables(pictures), folder / "tables.pt")
