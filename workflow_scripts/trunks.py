"""The network that the scripts of LOD and MaskCut use: of a run of the study, or from a file."""

import sys
from pathlib import Path

import torch

from objectcrop.networks.weights import load_backbone, read_weights
from objectcrop.proposals.networks import load_network, packaged_weights
from objectcrop.proposals.trunk import PixelScale, Trunk
from objectcrop.runtime.checksum import require_sha256
from objectcrop.runtime.precision import describe_precision
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.proposals import FeatureProposals


def open_trunk(
    source: FeatureProposals,
    backbone: BackboneSettings | None,
    files: list[Path],
    *,
    layers: tuple[str, ...],
    descriptor_layer: str,
    use_gpu: bool,
) -> Trunk:
    """Return the reader of a source's layers; `backbone` are the settings of its run, `files` its weights, if any."""
    pixels: PixelScale = "imagenet"
    if source.trunk is None:
        assert backbone is not None, "the plan gives it with features_run"
        network: torch.nn.Module = load_backbone(files[0], backbone)
    else:
        path = str(files[0]) if files else packaged_weights(source.trunk.arch)
        require_sha256(path, source.trunk.weights_sha256, setting="trunk.weights_sha256")
        network = load_network(source.trunk, read_weights(path), (*layers, descriptor_layer), where=path)
        pixels = source.trunk.pixels
    device = torch.device("cuda" if use_gpu else "cpu")
    print(f"trunk: {describe_precision(source.precision, device)}", file=sys.stderr, flush=True)
    network = network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Trunk(network, layers, descriptor_layer, pixels, source.precision)
