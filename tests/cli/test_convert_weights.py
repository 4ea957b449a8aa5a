"""The door to conversions: from any layout to any other, with all that is left out on the screen."""

import hashlib
import subprocess
import sys

import pytest
import torch

from objectcrop.networks.safetensors import read_metadata
from objectcrop.networks.weights import load_backbone, save_backbone
from tests.networks import layouts
from workflow_scripts.convert_weights import main


@pytest.fixture
def moco(tmp_path):
    torch.save(layouts.moco(), tmp_path / "moco.pth.tar")
    return tmp_path / "moco.pth.tar"


def same(path, expected):
    loaded = load_backbone(path, layouts.SETTINGS).state_dict()
    return all(torch.equal(loaded[name], value) for name, value in expected.state_dict().items())


def test_a_checkpoint_is_converted_and_what_is_left_out_is_printed(moco, tmp_path, capsys):
    target = tmp_path / "new" / "trunk.safetensors"
    main([str(moco), str(target)])
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert capsys.readouterr().out.splitlines() == [
        f"{moco}: layout moco (names behind 'state_dict.module.encoder_q.')",
        "resnet50: 318 tensors of the trunk",
        "left out, another network: 322 (state_dict.module.encoder_k.conv1.weight, state_dict.module.encoder_k.bn1.weight, "
        "state_dict.module.encoder_k.bn1.bias, state_dict.module.encoder_k.bn1.running_mean, "
        "state_dict.module.encoder_k.bn1.running_var and 317 more)",
        "left out, head: 4 (state_dict.module.encoder_q.fc.0.weight, state_dict.module.encoder_q.fc.0.bias, "
        "state_dict.module.encoder_q.fc.2.weight, state_dict.module.encoder_q.fc.2.bias)",
        "left out, optimiser state: 163 (optimizer.state.0.momentum_buffer, optimizer.state.1.momentum_buffer, "
        "optimizer.state.2.momentum_buffer, optimizer.state.3.momentum_buffer, optimizer.state.4.momentum_buffer and 158 more)",
        "left out, queue: 2 (state_dict.module.queue, state_dict.module.queue_ptr)",
        f"{target}: layout torchvision, 318 tensors, SHA-256 {digest}",
    ]
    assert read_metadata(target)["layout"] == "torchvision"
    assert same(target, layouts.trunk())


def test_every_name_is_printed_on_request(moco, tmp_path, capsys):
    main([str(moco), str(tmp_path / "trunk.pth"), "--names"])
    printed = capsys.readouterr().out
    assert all(f"optimizer.state.{number}.momentum_buffer" in printed for number in range(163))


def test_chains_of_conversions_keep_every_bit(moco, tmp_path):
    steps = [
        ("a.pkl", None),
        ("b.pth", "swav"),
        ("c.ckpt", "lightly"),
        ("d.torch", "vissl"),
        ("e.safetensors", "densecl"),
    ]
    source = moco
    for name, layout in steps:
        target = tmp_path / name
        main([str(source), str(target), *(["--to", layout] if layout else [])])
        source = target
    main([str(source), str(tmp_path / "f.safetensors"), "--from", "mmpretrain"])
    assert same(tmp_path / "f.safetensors", layouts.trunk())


def test_our_own_file_keeps_its_precision(tmp_path):
    save_backbone(layouts.trunk(), tmp_path / "ours.safetensors", {"precision": "bfloat16"})
    main([str(tmp_path / "ours.safetensors"), str(tmp_path / "copy.safetensors")])
    assert read_metadata(tmp_path / "copy.safetensors")["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trunk.txt"], r"trunk\.txt: weights are written to files that end in one of \.safetensors"),
        (["moco.pth.tar"], "FROM and TO are the same file"),
        (["trunk.pth", "--from", "swav"], r"moco\.pth\.tar: no trunk in the layout of swav"),
        (["trunk.pkl", "--to", "moco"], r"a \.pkl file is Detectron2's"),
    ],
)
def test_what_cannot_be_converted_is_one_sentence_and_nothing_is_written(moco, tmp_path, words, message):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=message):
        main([str(moco), str(tmp_path / words[0]), *words[1:]])
    assert sorted(tmp_path.iterdir()) == before


def test_a_user_calls_it_as_a_module(moco, tmp_path, root):
    command = [sys.executable, "-m", "workflow_scripts.convert_weights", str(moco), str(tmp_path / "missing" / "x.txt")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
