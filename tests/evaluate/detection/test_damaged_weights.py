"""Damaged or foreign exports for Detectron2: equal content, or one sentence that names the file; no code of it runs."""

import hashlib
import os
import pickle

import numpy as np
import pytest

from objectcrop.evaluate.detection.weights import read_detectron2, read_precision
from objectcrop.networks.layout_files import write_detectron2
from tests.flips import KINDS, outcomes

WEIGHTS = {
    "conv1.weight": np.random.default_rng(0).random((8, 3, 7, 7), np.float32),
    "bn1.num_batches_tracked": np.array(7),
    "bn1.running_mean": np.zeros(8, np.float32),
}


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_are_noticed_wherever_they_are(tmp_path, kind):
    path = tmp_path / "backbone_d2.pkl"
    write_detectron2(path, WEIGHTS, precision="bfloat16")
    result = outcomes(path, lambda: (read_detectron2(path), read_precision(path)), kind)
    assert result.rejected == 60
    assert all("rule export_backbone makes it" in message for message in result.messages)


def test_what_is_written_is_what_detectron2_unpickles(tmp_path):
    write_detectron2(tmp_path / "w.pkl", WEIGHTS, precision="bfloat16")
    with (tmp_path / "w.pkl").open("rb") as file:
        value = pickle.load(file, encoding="latin1")
    ours = read_detectron2(tmp_path / "w.pkl")
    assert ours.keys() == value["model"].keys() == {f"stem.{name}" for name in ("conv1.weight", *_NORM)}
    for name, array in value["model"].items():
        assert (ours[name].dtype, ours[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(ours[name], array)
    assert read_precision(tmp_path / "w.pkl") == value["precision"] == "bfloat16"


_NORM = ("conv1.norm.num_batches_tracked", "conv1.norm.running_mean")


def with_digest(value: object) -> bytes:
    content = pickle.dumps(value)
    return content + b"sha256:" + hashlib.sha256(content).digest()


class Call:
    def __reduce__(self):
        return os.system, ("touch it-ran",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            with_digest({"model": {"a": Call()}, "precision": "none"}),
            r"it asks for (os|posix)\.system, which no file of arrays needs",
        ),
        (with_digest([1]), "it holds no model, or no precision"),
        (pickle.dumps({"model": {}, "precision": "none"}), "it does not end with the SHA-256 of its content"),
        (b"", "it does not end with the SHA-256"),
    ],
)
def test_other_files_are_rejected_and_nothing_of_them_runs(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(data)
    with pytest.raises(ValueError, match=rf"evil\.pkl: .*{message}.*rule export_backbone"):
        read_detectron2("evil.pkl")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.pkl"]
