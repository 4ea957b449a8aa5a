"""How many operations a computation asks torch for, and how many bytes they read and write; on any device, also meta."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


class Traffic(TorchDispatchMode):
    """Counts operations that compute, not those that give another view of a tensor, and each one's tensors once.

    A tensor counts as often as it has values in memory: a number that is spread over a shape is one number.
    `product_bytes` are those of products of matrices and convolutions, which no compiler fuses away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.bytes = self.product_bytes = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = operation(*args, **(kwargs or {}))
        read, written = list(_tensors((args, kwargs))), list(_tensors(made))
        memories = {value.untyped_storage()._cdata for value in read}
        is_view = all(value.untyped_storage()._cdata in memories for value in written)
        if not (is_view and not operation._schema.is_mutable) and "detach" not in str(operation):
            self.operations += 1
            moved = sum(map(_size, read)) + sum(map(_size, written))
            self.bytes += moved
            self.product_bytes += moved if operation._overloadpacket in flop_registry else 0
        return made


def _tensors(values: Any) -> Iterator[Tensor]:
    yield from (value for value in tree_leaves(values) if isinstance(value, Tensor))


def _size(value: Tensor) -> int:
    steps = zip(value.shape, value.stride(), strict=True)
    return value.element_size() * torch.Size(length for length, step in steps if step).numel()
