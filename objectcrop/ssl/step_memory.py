"""How much of a device's memory a training step needs, estimated before the first one.

What the trunk keeps for its backward pass is measured, not tabulated: it sees two images on torch's meta device, where
tensors have sizes and no values, and the storages that autograd saves are added up. All of it grows with the batch.
"""

import copy
import os
import sys
from typing import NamedTuple

import torch
from torch import Tensor, nn

from objectcrop.networks.backbones import Backbone
from objectcrop.networks.batch_norm import GlobalBatchNorm2d
from objectcrop.runtime.distributed import World
from objectcrop.ssl.methods.method import Method, TrunkPasses
from objectcrop.study.settings.runs import OptimizerSettings, Run

GIB = 1 << 30
_MEASURED_IMAGES = 2
_WORKING_MAPS = 4
"""Maps of the largest size that exist beside the saved ones: a pass without gradient, or a block's backward pass."""
_WORKING_LOGITS = 3
"""Copies of the logits beside the one that softmax saves."""


class StepMemory(NamedTuple):
    """Memory of one process in a step, bytes.

    Attributes:
        kept: what autograd saves for the backward pass.
        working: temporary tensors beside it.
        weights: parameters, their EMA copies, gradients, optimizer state, queues and banks.
        num_images: images that the process holds at once, one part of its share of the batch.
        passes: of the trunk, with gradient.
    """

    kept: int
    working: int
    weights: int
    num_images: int
    passes: TrunkPasses

    @property
    def activations(self) -> int:
        """Bytes that grow with the number of images."""
        return self.kept + self.working

    @property
    def total(self) -> int:
        """All bytes."""
        return self.activations + self.weights

    def describe(self, device: torch.device) -> str:
        """Return one line for people: how much a device, and for what."""
        place = "a GPU" if device.type == "cuda" else "a process"
        passes = f"{self.num_images} images x {_counted(self.passes.large, 'trunk pass', 'trunk passes')}"
        if self.passes.small:
            passes += f" and {_counted(self.passes.small, 'small crop', 'small crops')}"
        return (
            f"about {_size(self.activations)} {place} for activations of {passes},"
            f" {_size(self.weights)} for weights and optimizer"
        )


class _Trunk(NamedTuple):
    """What a trunk keeps for each image, the largest saved map of an image, bytes, and the positions of its last map."""

    kept: int
    largest: int
    positions: int


def estimate_step_memory(
    run: Run, method: Method, *, world_size: int, is_narrow: bool, on_gpu: bool = False
) -> StepMemory:
    """Estimate the memory of a step in one process.

    Projectors and heads are left out, as they keep well below a hundredth of what a trunk does; logits are counted.

    Args:
        run: its settings.
        method: built, on any device; neither changed nor run.
        world_size: processes.
        is_narrow: whether the networks run under autocast to bfloat16.
        on_gpu: whether they run on GPUs; on CPUs, batch norm over several processes keeps float32 maps.
    """
    is_shared = world_size > 1 and not on_gpu
    num_images = run.optimizer.global_batch_size // (world_size * run.training.accumulation_steps)
    passes = method.count_passes(run)
    large = _measure(method.backbone, run.views.size_px, is_shared=is_shared, is_narrow=is_narrow)
    kept, largest = passes.large * large.kept, large.largest
    if run.views.small_crops is not None and passes.small:
        small = _measure(method.backbone, run.views.small_crops.size_px, is_shared=is_shared, is_narrow=is_narrow)
        kept += passes.small * small.kept
        # crops of one size go through the trunk together
        largest = max(2 * largest, passes.small * small.largest)
    if run.losses.whole_size_px is not None and passes.whole:
        whole = _measure(method.backbone, run.losses.whole_size_px, is_shared=is_shared, is_narrow=is_narrow)
        kept += passes.whole * whole.kept
    logits = 4 * method.count_logits(run, num_images, large.positions)
    return StepMemory(
        kept=num_images * kept + logits,
        working=num_images * _WORKING_MAPS * largest + _WORKING_LOGITS * logits,
        weights=weight_bytes(method, run.optimizer, is_narrow=is_narrow),
        num_images=num_images,
        passes=passes,
    )


def report_step_memory(name: str, run: Run, method: Method, world: World, *, is_narrow: bool) -> None:
    """Say on stderr what a step of a run needs, and warn if the device of this process has less.

    Args:
        name: of the run.
        run: its settings.
        method: as it will be trained, on its device.
        world: the processes.
        is_narrow: whether networks compute in bfloat16.
    """
    on_gpu = world.device.type == "cuda"
    memory = estimate_step_memory(run, method, world_size=world.size, is_narrow=is_narrow, on_gpu=on_gpu)
    print(f"run {name}: a step needs {memory.describe(world.device)}", file=sys.stderr, flush=True)
    limit = device_memory(world.device, world.size)
    for warning in find_memory_warnings(method, memory, world_size=world.size, limit=limit):
        print(f"warning: run {name}: {warning}", file=sys.stderr, flush=True)


def weight_bytes(method: nn.Module, settings: OptimizerSettings, *, is_narrow: bool) -> int:
    """Count what does not depend on the batch: all tensors of a method, gradients, optimizer state, copies of autocast."""
    stored = sum(value.nbytes for value in (*method.parameters(), *method.buffers()))
    trained = sum(value.nbytes for value in method.parameters() if value.requires_grad)
    # LARS and LARC hold all decayed gradients at once, each tensor's scale in its shape, and where it is
    states = 2 if settings.name == "adamw" else 4 if settings.name in ("lars", "larc") else int(settings.momentum > 0)
    return stored + trained * (1 + states) + (trained // 2 if is_narrow else 0)


def device_memory(device: torch.device, world_size: int) -> int:
    """Return the memory of a device, bytes; a CPU's is the machine's, shared among the processes."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // world_size


def find_memory_warnings(method: Method, memory: StepMemory, *, world_size: int, limit: int) -> list[str]:
    """Return a warning where a step needs more than a device has.

    Args:
        method: as it is trained.
        memory: estimate of its step.
        world_size: processes.
        limit: memory of the device, bytes.
    """
    if memory.total <= limit:
        return []
    advice = "use more GPUs, or lower optimizer.global_batch_size"
    if parts := _find_parts(method, memory, world_size, limit):
        advice = f"set training.accumulation_steps to {parts}, or {advice}"
    needed = f"a step needs about {_size(memory.total)}, the device has {_size(limit)}"
    return [f"{needed} (activations of {memory.num_images} images at once): {advice}"]


def _find_parts(method: Method, memory: StepMemory, world_size: int, limit: int) -> int:
    """The fewest accumulation steps with which a step fits; 0 if the method takes none, or none would do."""
    run = method.run
    if run.has_memory:
        return 0
    share = run.optimizer.global_batch_size // world_size
    each = memory.activations / memory.num_images
    fitting = (parts for parts in range(2, share // 2 + 1) if each * (share // parts) + memory.weights <= limit)
    return next((parts for parts in fitting if share % parts == 0), 0)


def _measure(backbone: Backbone, size_px: int, *, is_shared: bool, is_narrow: bool) -> _Trunk:
    trunk = copy.deepcopy(backbone).to("meta").requires_grad_(True).train()
    if is_shared:
        _share_norms(trunk)
    dtype = torch.bfloat16 if is_narrow else torch.float32
    trunk.to(dtype)
    own = {value.untyped_storage()._cdata for value in (*trunk.parameters(), *trunk.buffers())}
    saved: dict[int, Tensor] = {}

    def save(value: Tensor) -> Tensor:
        # the tensor is held, so that no other storage gets its address
        saved.setdefault(value.untyped_storage()._cdata, value)
        return value

    images = torch.empty(_MEASURED_IMAGES, 3, size_px, size_px, dtype=dtype, device="meta")
    with torch.random.fork_rng(devices=[]), torch.autograd.graph.saved_tensors_hooks(save, lambda value: value):
        map_ = trunk.forward_map(images)
    sizes = [value.untyped_storage().nbytes() for key, value in saved.items() if key not in own]
    return _Trunk(sum(sizes) // _MEASURED_IMAGES, max(sizes) // _MEASURED_IMAGES, map_.shape[2] * map_.shape[3])


def _share_norms(trunk: nn.Module) -> None:
    for name, module in list(trunk.named_modules()):
        if isinstance(module, GlobalBatchNorm2d):
            trunk.set_submodule(name, _SharedNorm(module))


class _SharedNorm(nn.Module):
    """Saves what batch norm over several processes saves (`GlobalBatchNorm2d`), without other processes to talk to."""

    def __init__(self, norm: GlobalBatchNorm2d) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps, shape (N, C, H, W), by the same steps in float32, in the two passes over the values."""
        values, shape = maps.float(), (1, -1, 1, 1)
        centred = values - values.mean(dim=(0, 2, 3), keepdim=True)
        variance = centred.square().mean(dim=(0, 2, 3))
        is_one = torch.zeros((), dtype=torch.bool, device=maps.device)
        chosen = torch.where(is_one, values, centred)
        scale = (variance + self.norm.eps).rsqrt() * self.norm.weight
        return (chosen * scale.reshape(shape) + self.norm.bias.reshape(shape)).to(maps.dtype)


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / 2**20:.1f} MiB"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
