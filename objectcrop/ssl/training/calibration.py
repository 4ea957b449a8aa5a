"""How fast this machine trains: a fixed small computation, to scale recorded times by."""

import statistics
import time

import torch

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.runtime.precision import autocast
from objectcrop.study.settings.runs import BackboneSettings

_IMAGES, _SIZE_PX, _WIDTH = 32, 64, 0.25


def calibration_seconds(seconds: float = 3.0) -> float:
    """Return the median time of one forward and backward pass of a thin ResNet-18 on one core, in precision `auto`.

    Args:
        seconds: how long to try, after a first pass that warms up.
    """
    device, threads = torch.device("cpu"), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with seeded_weights(0):
            trunk = build_backbone(BackboneSettings(arch="resnet18", width=_WIDTH)).to(
                memory_format=torch.channels_last
            )
            images = torch.randn(_IMAGES, 3, _SIZE_PX, _SIZE_PX).contiguous(memory_format=torch.channels_last)
        durations: list[float] = []
        end = time.monotonic() + seconds
        while len(durations) < 2 or time.monotonic() < end:
            start = time.monotonic()
            with autocast("auto", device):
                features = trunk(images)
            features.float().square().sum().backward()
            durations.append(time.monotonic() - start)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(durations[1:])
