"""Batches on their way from the loader to the device."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
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


def warn_of_rejected(batches: Iterable[Any], paths: Sequence[Path], label: str) -> Iterator[Any]:
    """Yield the batches; state on standard error which image was the first that the decoder rejected, once.

    Args:
        batches: from the loader, in the host's memory.
        paths: of the images, by row.
        label: of the training.
    """
    is_stated = False
    for batch in batches:
        if not is_stated and batch.rejected is not None and (places := batch.rejected.tolist()).count(True):
            is_stated = True
            print(
                f"warning: {label}: the decoder rejected {paths[int(batch.rows[places.index(True)])]}, Pillow decodes it; "
                "decoder_rejected_share of the metrics counts all that are like it",
                file=sys.stderr,
                flush=True,
            )
        yield batch


def _handed_over(arrived: Arrived, event: torch.cuda.Event) -> Arrived:
    """Make the step's stream wait until the batch is there; its memory is not used again before the step is done."""
    current = torch.cuda.current_stream()
    current.wait_event(event)
    for value in arrived.batch:
        if isinstance(value, Tensor) and value.is_cuda:
            value.record_stream(current)
    return arrived
