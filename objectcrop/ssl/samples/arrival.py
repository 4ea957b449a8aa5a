"""Batches on their way from the loader to the device."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Arrived(NamedTuple):
    """A batch on the device, and the rows of its images, which the host knows."""

    rows: list[int]
    batch: Any


def arrive(batches: Iterable[Any], device: torch.device) -> Iterator[Arrived]:
    """Yield each batch on the device; a GPU copies the next one, and augments it, on a stream beside the step's.

    Args:
        batches: from the loader, in pinned memory for a GPU; each has `rows` and `to`.
        device: where they go.
    """
    if device.type != "cuda":
        for batch in batches:
            yield Arrived(batch.rows.tolist(), batch.to(device))
        return
    stream, before = torch.cuda.Stream(device), None  # type: ignore[no-untyped-call]
    for batch in batches:
        with torch.cuda.stream(stream):
            coming = Arrived(batch.rows.tolist(), batch.to(device)), stream.record_event()
        if before is not None:
            yield _handed_over(*before)
        before = coming
    if before is not None:
        yield _handed_over(*before)


def _handed_over(arrived: Arrived, event: torch.cuda.Event) -> Arrived:
    """Make the step's stream wait until the batch is there; its memory is not used again before the step is done."""
    current = torch.cuda.current_stream()
    current.wait_event(event)
    for value in arrived.batch:
        if isinstance(value, Tensor) and value.is_cuda:
            value.record_stream(current)
    return arrived
