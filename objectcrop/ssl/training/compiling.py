"""Whether the trunks of a training are compiled."""

import sys

from torch.utils._triton import has_triton

from objectcrop.networks.batch_norm import GlobalBatchNorm2d
from objectcrop.runtime.distributed import World
from objectcrop.ssl.methods.method import Method


def compile_trunks(method: Method, world: World, *, on_gpu: bool) -> bool:
    """Compile the trunks if `is_compiled` says so, and return that."""
    compiles = is_compiled(method, world, on_gpu=on_gpu)
    if compiles:
        method.compile_trunks()
    return compiles


def is_compiled(method: Method, world: World, *, on_gpu: bool) -> bool:
    """Return whether to compile the trunks: where the run says so, and on GPUs unless the settings say otherwise.

    On GPUs they stay as they are where Triton is missing, with a warning, and where batch norm speaks to other processes in
    every layer: compiled code would end at each.

    Args:
        method: of the run.
        world: the processes.
        on_gpu: whether GPUs compile unasked.
    """
    if method.run.training.compiled:
        return True
    if world.device.type != "cuda" or not on_gpu:
        return False
    if world.size > 1 and any(isinstance(module, GlobalBatchNorm2d) for module in method.modules()):
        return False
    if world.any(not has_triton()):
        if world.is_first:
            text = "warning: trunks are not compiled: Triton or a C++ compiler is missing; steps take longer"
            print(text, file=sys.stderr, flush=True)
        return False
    return True
