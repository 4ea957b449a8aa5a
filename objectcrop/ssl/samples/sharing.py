"""Samples for processes that start afresh: what a fork would share with its parent, they share too."""

import pickle
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset


class SharedSamples(Dataset[Any]):
    """Samples whose blocks of numbers and bytes lie in memory that every process maps; a process is sent their handles.

    Args:
        samples: what makes batches; it is taken apart once.
    """

    def __init__(self, samples: Dataset[Any]) -> None:
        blocks: list[pickle.PickleBuffer] = []
        self._text = pickle.dumps(samples, protocol=5, buffer_callback=blocks.append)
        self._blocks = [_in_shared_memory(block) for block in blocks]
        self._own: Any = None

    def __len__(self) -> int:
        return len(self._samples)

    def __getitems__(self, keys: Any) -> Any:
        """Make a batch."""
        return self._samples.__getitems__(keys)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_own": None}

    @property
    def _samples(self) -> Any:
        if self._own is None:
            # made by this class in the process that started this one
            self._own = pickle.loads(self._text, buffers=[block.numpy() for block in self._blocks])  # noqa: S301
        return self._own


def _in_shared_memory(block: pickle.PickleBuffer) -> Tensor:
    values = torch.from_numpy(np.frombuffer(block.raw(), dtype=np.uint8).copy())
    values.share_memory_()  # type: ignore[no-untyped-call]
    return values
