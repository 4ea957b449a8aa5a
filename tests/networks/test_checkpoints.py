"""Files of tensors, arrays and plain values by their paths; whatever else is in a file, or broken of it, is one sentence."""

import pickle
import random
import re

import numpy as np
import pytest
import torch

from objectcrop.networks.checkpoints import read_checkpoint
from tests.networks import layouts


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"model": {"a": np.zeros(2), "b": np.array(["x"])}}, "array of type U1, expected numbers"),
        ({"model": {"a": np.array([{}], dtype=object)}}, "array of type O8, expected numbers"),
        ({"model": {"a": print}}, "it asks for builtins.print, which no file of arrays needs"),
        ({"model": {}}, "it holds no tensors by name"),
    ],
)
def test_other_pickles_are_rejected(tmp_path, value, message):
    (tmp_path / "theirs.pkl").write_bytes(pickle.dumps(value, protocol=4))
    with pytest.raises(ValueError, match=rf"theirs\.pkl: .*{message}"):
        read_checkpoint(tmp_path / "theirs.pkl")


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_numbers_and_arrays_of_numpy_beside_tensors_are_read(tmp_path, is_zip):
    saved = {
        "lr": np.float64(0.1),
        "step": np.int64(7),
        "schedule": np.arange(6.0).reshape(2, 3),
        "state_dict": {"a": torch.ones(2)},
    }
    torch.save(saved, tmp_path / "swav.pth", _use_new_zipfile_serialization=is_zip)
    checkpoint = read_checkpoint(tmp_path / "swav.pth")
    assert checkpoint.values == ("lr", "step")
    assert checkpoint.tensors.keys() == {"schedule", "state_dict.a"}
    assert torch.equal(checkpoint.tensors["schedule"], torch.from_numpy(saved["schedule"]))


def test_arrays_of_any_shape_order_and_byte_order_are_read(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "scalar": np.array(7),
        "empty": np.zeros((0, 3), np.float32),
        "wide": rng.random((2, 3, 4, 5)),
        "columns": np.asfortranarray(rng.random((3, 4), np.float32)),
        "big_endian": rng.random(5).astype(">f4"),
        "half": rng.random((2, 2)).astype(np.float16),
        "number": np.float64(2.5),
        "flags": np.array([True, False]),
        "uint16": np.array([65535], np.uint16),
    }
    for protocol in (2, 4, 5):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps({"model": arrays}, protocol=protocol))
        checkpoint = read_checkpoint(tmp_path / "a.pkl")
        assert checkpoint.values == ("model.number",)
        for name, array in arrays.items():
            if name != "number":
                read = checkpoint.tensors[f"model.{name}"].numpy()
                assert read.shape == array.shape
                np.testing.assert_array_equal(read, array)


def looped():
    value = {"a": torch.ones(1)}
    value["b"] = value
    return value


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_file_that_refers_to_itself_is_rejected(tmp_path, is_zip):
    torch.save(looped(), tmp_path / "loop.pth", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ValueError, match=r"loop\.pth: it is not a checkpoint of torch\.save, or damaged"):
        read_checkpoint(tmp_path / "loop.pth")


def test_a_legacy_checkpoint_whose_storages_have_other_names_is_rejected(tmp_path):
    torch.save({"a": torch.ones(3)}, tmp_path / "lost.pth", _use_new_zipfile_serialization=False)
    data = (tmp_path / "lost.pth").read_bytes()
    key = next(iter(re.finditer(rb"storage.*?(\d{8,})", data, re.DOTALL)))[1]
    assert data.count(key) == 2  # in the tensor, and in the list of storages, which comes last
    place = data.rindex(key)
    (tmp_path / "lost.pth").write_bytes(data[:place] + b"7" * len(key) + data[place + len(key) :])
    with pytest.raises(ValueError, match=r"lost\.pth: it is not a checkpoint of torch\.save, or damaged"):
        read_checkpoint(tmp_path / "lost.pth")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_a_checkpoint_that_is_cut_off_is_rejected(tmp_path, is_zip, share):
    path = tmp_path / "cut.pth"
    torch.save(layouts.moco(), path, _use_new_zipfile_serialization=is_zip)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"cut\.pth: it is not a checkpoint of torch\.save, or damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_pickle_of_arrays_is_read_or_rejected_in_one_sentence(tmp_path, seed):
    rng, path = random.Random(seed), tmp_path / "flipped.pkl"
    whole = pickle.dumps({"model": {f"a{number}": np.zeros(3, np.float32) for number in range(4)}}, protocol=2 + seed)
    messages = []
    for _ in range(200):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            read_checkpoint(path)
        except ValueError as error:
            messages.append(str(error))
    assert 40 < len(messages) < 200
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in messages)
