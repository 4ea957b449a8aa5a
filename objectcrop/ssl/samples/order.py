"""Which images make up which step: decided by (study seed, run seed, epoch), not by workers or devices."""

import gc
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import ignore_stop_signals
from objectcrop.ssl.samples.images import Key, LoadedShare
from objectcrop.ssl.samples.sharing import SharedSamples

PREFETCH = 4

Start = Literal["fork", "spawn"]


class BatchOrder(Sampler[Any]):
    """This process's share of every global batch from one step to the last.

    An epoch is one pass over the samples (images, or boxes) in an order of its own; what does not fill a batch is left out. With
    `loads_shuffled` each share also names the samples whose keys this process encodes (see `ShuffledSamples`). A share comes in
    `parts` batches.
    """

    def __init__(
        self,
        num_samples: int,
        global_batch: int,
        steps: range,
        *,
        seeds: Seeds,
        world: World,
        loads_shuffled: bool = False,
        parts: int = 1,
    ) -> None:
        self.num_samples, self.global_batch, self.steps = num_samples, global_batch, steps
        self.seeds, self.world, self.loads_shuffled, self.parts = seeds, world, loads_shuffled, parts

    def __len__(self) -> int:
        return len(self.steps) * self.parts

    def __iter__(self) -> Iterator[list[Key] | LoadedShare]:
        per_epoch, each = self.num_samples // self.global_batch, self.global_batch // self.world.size
        share = slice(self.world.rank * each, (self.world.rank + 1) * each)
        order, order_epoch = [], -1
        for step in self.steps:
            epoch, place = divmod(step, per_epoch)
            if epoch != order_epoch:
                order = self.seeds.generator("order", epoch).permutation(self.num_samples).tolist()
                order_epoch = epoch
            batch = [(epoch, row) for row in order[place * self.global_batch : (place + 1) * self.global_batch]]
            if not self.loads_shuffled:
                size = each // self.parts
                yield from (batch[share][start : start + size] for start in range(0, each, size))
                continue
            mine = key_permutation(self.seeds, step, self.global_batch)[share].tolist()
            yield LoadedShare(batch[share], [batch[place] for place in mine])


def key_permutation(seeds: Seeds, step: int, global_batch: int) -> Tensor:
    """The order in which the keys of a step are encoded, the same in every process, shape (global batch,), int64."""
    return torch.from_numpy(seeds.generator("shuffle", step).permutation(global_batch))


def load_batches(
    samples: Dataset[Any], order: Iterable[Any], num_workers: int, device: torch.device, *, start: Start = "fork"
) -> DataLoader[Any]:
    """Load batches in order.

    Args:
        samples: their `__getitems__` makes a batch.
        order: what each batch is made of.
        num_workers: processes that make them; 0: this one does, between the steps.
        device: that the batches go to.
        start: how these processes come to be: as copies of this one, or afresh (`how_workers_start`).
    """
    cv2.setNumThreads(0)
    return DataLoader(
        SharedSamples(samples) if start == "spawn" and num_workers else samples,
        batch_sampler=order,
        collate_fn=_as_it_is,
        num_workers=num_workers,
        pin_memory=device.type == "cuda",
        prefetch_factor=PREFETCH if num_workers else None,
        worker_init_fn=start_worker,
        multiprocessing_context=start if num_workers else None,
    )


def how_workers_start(device: torch.device) -> Start:
    """Return how the workers of a training start: afresh beside a GPU, as a copy of a process that has opened one may hang."""
    return "spawn" if device.type == "cuda" else "fork"


def split_threads(num_threads: int, num_gpus: int) -> tuple[int, int]:
    """(threads of the networks, workers that make samples) out of the job's cores for one process.

    On a GPU the cores make samples. On a CPU the networks need about six times what the samples do.
    """
    workers = num_threads - 1 if num_gpus else num_threads // 4
    return max(1, num_threads - workers), workers


def _as_it_is(batch: Any) -> Any:
    return batch


def start_worker(number: int) -> None:
    """Prepare a process that makes batches."""
    # the collector writes to every object that it watches, and so copies what the worker shares with the process that forked it
    gc.freeze()
    ignore_stop_signals()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
