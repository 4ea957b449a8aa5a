"""Damaged files of weights: equal tensors, or one sentence that names the file."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from objectcrop.networks.backbones import build_backbone
from objectcrop.networks.safetensors import read_metadata, read_safetensors, write_safetensors
from objectcrop.networks.weights import load_backbone, save_backbone
from objectcrop.study.settings.runs import BackboneSettings
from tests.flips import KINDS, outcomes

THIN = BackboneSettings(arch="resnet18", width=0.0625)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_of_a_backbone_are_noticed(tmp_path, kind):
    path = tmp_path / "backbone.safetensors"
    save_backbone(build_backbone(THIN), path, {"precision": "bfloat16"})
    result = outcomes(path, lambda: (read_safetensors(path), read_metadata(path)), kind)
    assert not result.others
    assert result.equal + result.rejected == 60
    assert result.rejected >= 57  # spaces that end the header may become others
    assert all("rule pretrain makes" in message for message in result.messages if message)
    assert result.peak_bytes < 20 * path.stat().st_size


def changed(path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) == 1
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))


@pytest.mark.parametrize("lost", [b'"sha256"', b'"writer"', b'"precision"'])
def test_a_damaged_name_of_the_digest_is_no_file_without_one(tmp_path, lost):
    path = tmp_path / "backbone.safetensors"
    save_backbone(build_backbone(THIN), path, {"precision": "bfloat16"})
    changed(path, lost, lost[:-2] + b'_"')
    with pytest.raises(ValueError, match=r"backbone\.safetensors: damaged: the SHA-256"):
        load_backbone(path, THIN)


def test_a_file_of_the_package_without_a_digest_is_read(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"a": torch.arange(6.0)}, path, {"format": "pt"})
    assert torch.equal(read_safetensors(path)["a"], torch.arange(6.0))
    assert read_metadata(path) == {"format": "pt"}


def file_of(path, entries: dict[str, object], num_bytes: int) -> None:
    text = json.dumps(entries).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(num_bytes))


def entry(start: object, end: object, shape: object = (2,), dtype: object = "F32") -> dict[str, object]:
    return {
        "dtype": dtype,
        "shape": shape if not isinstance(shape, tuple) else list(shape),
        "data_offsets": [start, end],
    }


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": entry(-8, 0)}, r"tensor 'a' has offsets \[-8, 0\]"),
        ({"a": entry(0, 8), "b": entry(4, 12)}, "tensor 'b' begins at byte 4, expected 8"),
        ({"a": entry(0, 8), "b": entry(0, 8)}, "tensor 'b' begins at byte 0, expected 8"),
        ({"a": entry(4, 12)}, "tensor 'a' begins at byte 4, expected 0"),
        ({"a": entry(0, 8), "b": entry(12, 20)}, "tensor 'b' begins at byte 12, expected 8"),
        ({"a": entry(0, 16, (4,))}, "12 bytes of tensors, the header states 16: cut off"),
        ({"a": entry(0, 8)}, "12 bytes of tensors, the header states 8"),
        ({"a": entry(0, 12)}, "tensor 'a' has 12 bytes, expected 8"),
        ({"a": entry(8, 0)}, "tensor 'a' has -8 bytes, expected 8"),
        ({"a": entry(0, 12, (3,), "F33")}, "tensor 'a' has dtype 'F33', expected one of F64, "),
        ({"a": entry(0, 12, (3,), ["F32"])}, "tensor 'a' has dtype"),
        ({"a": entry(0, 12, (-3,))}, r"tensor 'a' has shape \[-3\]"),
        ({"a": entry(0, 12, 3)}, "tensor 'a' has shape 3"),
        ({"a": entry(0, 12.0, (3,))}, r"tensor 'a' has offsets \[0, 12\.0\]"),
        ({"a": entry(0, True, (3,))}, r"tensor 'a' has offsets \[0, True\]"),
        ({"a": [1]}, "tensor 'a' has dtype None"),
        ({"a": entry(0, 12, (3,)), "__metadata__": {"run": 3}}, "its __metadata__ is not text by name"),
        ({"a": entry(0, 2**70, (2**68,))}, "12 bytes of tensors"),
        ([1, 2], "not a safetensors file"),
    ],
)
def test_headers_that_do_not_fit_their_bytes_are_rejected(tmp_path, entries, message):
    path = tmp_path / "odd.safetensors"
    file_of(path, entries, 12)
    with pytest.raises(ValueError, match=rf"odd\.safetensors: {message}"):
        read_safetensors(path)


def test_a_tensor_without_values_may_be_anywhere(tmp_path):
    tensors = {"a": torch.zeros(0, 3), "b": torch.arange(3), "c": torch.zeros(2, 0, dtype=torch.float64)}
    write_safetensors(tmp_path / "w.safetensors", tensors, {})
    assert {name: tuple(tensor.shape) for name, tensor in read_safetensors(tmp_path / "w.safetensors").items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }


def test_the_digest_is_of_header_and_tensors(tmp_path):
    digests = []
    for name, values in (("a", [1.0, 2.0]), ("b", [1.0, 2.0]), ("a", [1.0, 2.5])):
        write_safetensors(tmp_path / "w.safetensors", {name: torch.tensor(values)}, {})
        digests.append(read_metadata(tmp_path / "w.safetensors")["sha256"])
    assert len(np.unique(digests)) == 3
