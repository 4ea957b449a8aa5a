"""The network that scripts of LOD and MaskCut read."""

import pytest
import torch
from torchvision.models import mobilenet_v3_small

from objectcrop.runtime.checksum import file_sha256
from objectcrop.study.settings.proposals import MaskCutProposals
from workflow_scripts.trunks import open_trunk

LAYER = "features.3"


@pytest.fixture
def opened(tmp_path):
    path = tmp_path / "w.pth"
    torch.save(mobilenet_v3_small(weights=None).state_dict(), path)

    def opened(sha256):
        trunk = {
            "arch": "mobilenet_v3_small",
            "weights": path.name,
            "weights_sha256": sha256,
            "trained_with": "nothing",
        }
        source = MaskCutProposals.model_validate({"kind": "maskcut", "layer": LAYER, "trunk": trunk})
        return open_trunk(source, None, [path], layers=(LAYER,), descriptor_layer=LAYER, use_gpu=False)

    return path, opened


def test_the_pinned_weights_of_a_network_from_a_file_are_taken_and_no_others(opened):
    path, open_pinned = opened
    assert open_pinned(file_sha256(path)).strides == {LAYER: 8}
    assert open_pinned(None).strides == {LAYER: 8}
    with pytest.raises(
        ValueError, match=rf"w\.pth: its SHA-256 is {file_sha256(path)}, trunk.weights_sha256 expects 0000"
    ):
        open_pinned("0" * 64)
