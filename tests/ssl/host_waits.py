"""Where a step makes its host wait for the device, counted on torch's meta device, which stands for a GPU.

A tensor on it has a size and no values, so that a step needs no GPU, and host and device stay apart as they do with one.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("meta")
_ATEN = torch.ops.aten
_INDEXED = (_ATEN.index.Tensor, _ATEN.index_put.default, _ATEN.index_put_.default)
_FROM_HOST = (torch.tensor, torch.as_tensor, Tensor.new_tensor)


class HostWaits(AbstractContextManager["HostWaits"]):
    """Lists the waits of its block, each as 'what (file:line)'; the block continues with values of no meaning."""

    def __init__(self) -> None:
        self.places: list[str] = []

    def __enter__(self) -> "HostWaits":
        self._stack = ExitStack()
        self._stack.enter_context(_Operations(self.note))
        self._stack.enter_context(_Functions(self.note))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def note(self, what: str) -> None:
        """Keep a wait with the line of ours that made it."""
        frames = [frame for frame in traceback.extract_stack() if "/objectcrop/" in frame.filename]
        where = f"{frames[-1].filename.split('/objectcrop/')[-1]}:{frames[-1].lineno}" if frames else "torch"
        self.places.append(f"{what} ({where})")


class _Operations(TorchDispatchMode):
    """Reads of values, masks, and copies from the host that are waited for."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if operation is _ATEN._local_scalar_dense.default and args[0].device == DEVICE:
            self._note("a value is read")
            return True if args[0].dtype == torch.bool else 1
        if operation is _ATEN.nonzero.default and args[0].device == DEVICE:
            self._note("nonzero")
            return torch.empty(len(args[0]) // 2, args[0].dim(), dtype=torch.long, device=DEVICE)
        if operation in _INDEXED and any(_is_mask(index) for index in args[1]):
            self._note("a mask as index")
            indices = [_some_rows(index) if _is_mask(index) else index for index in args[1]]
            return operation(args[0], indices, *args[2:], **kwargs)
        if operation is _ATEN._to_copy.default:
            way = args[0].device.type, kwargs.get("device", args[0].device).type
            if way == ("cpu", DEVICE.type) and not kwargs.get("non_blocking"):
                self._note("a copy from the host")
            if way == (DEVICE.type, "cpu"):
                self._note("a copy to the host")
                return torch.zeros(args[0].shape, dtype=args[0].dtype)
        return operation(*args, **kwargs)


class _Functions(TorchFunctionMode):
    """Tensors that are made on the host for the device: torch makes them on the meta device without a copy."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        if function in _FROM_HOST and made.device == DEVICE and not (args and args[0] is made):
            self._note("a tensor made on the host")
        return made


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype == torch.bool and index.device == DEVICE


def _some_rows(mask: Tensor | None) -> Tensor:
    assert mask is not None
    return torch.zeros(len(mask) // 2, dtype=torch.long, device=DEVICE)
