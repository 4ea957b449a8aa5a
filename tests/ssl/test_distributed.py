"""Two processes over gloo compute what one process with the whole batch does, and stop together."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.training.checkpoints import read_metrics, saved_states
from tests.ssl import processes
from tests.ssl.processes import BACKBONE, draw, finish, train_noting_what_is_gathered

ROOT = Path(__file__).resolve().parents[2]
# batch norm groups of 4 fit into both halves; the projector's would follow each process's rows of each head
CHANGES = {
    "optimizer": {"epochs": 1, "global_batch_size": 8},
    "moco": {"batch_norm_group": 4, "projector_batch_norm": False},
}
PROGRAM = """
import os, sys, json
from pathlib import Path
import torch
from tests.ssl.conftest import RECIPES, make_tables, merged, tiny_run
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import Request, pretrain

folder, changes = Path(sys.argv[1]), json.loads(sys.argv[2])
images = folder / f"images{os.environ['RANK']}"
images.mkdir()
tables = make_tables(images)
name = sys.argv[3]
torch.set_default_dtype(getattr(torch, sys.argv[4]))
pretrain(Request(name, tiny_run(**merged(RECIPES[name], changes)), Seeds(0, 1)), tables, folder / name)
"""


def start(folder, changes, name, dtype="float32"):
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [*command, str(folder / "program.py"), str(folder), json.dumps(changes), name, dtype],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@pytest.fixture
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("_float64")
def test_two_processes_train_as_one_does(tables, request_of, tmp_path):
    """In float64: batch norm over few images makes the last bits of float32 grow to thousandths in two steps."""
    folder = tmp_path / "two"
    folder.mkdir()
    assert start(folder, CHANGES, "oac", "float64").wait(timeout=240) == 0, (folder / "log").read_text()[-3000:]
    pretrain(request_of("oac", **CHANGES), tables, tmp_path / "one")
    one, two = (torch.load(saved_states(path)[0], weights_only=True) for path in (tmp_path / "one", folder / "oac"))
    assert one["clock"]["images_seen"] == two["clock"]["images_seen"] == 16
    assert torch.equal(one["method"]["queue.tags"], two["method"]["queue.tags"])
    # the keys of the first step are made with the first weights
    torch.testing.assert_close(one["method"]["queue.keys"][:8], two["method"]["queue.keys"][:8], rtol=0, atol=1e-9)
    weights = [name for name in one["method"] if name.endswith("weight")]
    for weight in weights:
        torch.testing.assert_close(one["method"][weight], two["method"][weight], rtol=0, atol=1e-6, msg=weight)
    for alone, together in zip(read_metrics(tmp_path / "one"), read_metrics(folder / "oac"), strict=True):
        for part in [key for key in alone if key.startswith("loss") and "constant" not in key]:
            assert alone[part] == pytest.approx(together[part], abs=1e-6), part


@pytest.mark.slow
def test_a_signal_to_the_launcher_stops_all_processes_after_saving(tmp_path):
    process = start(tmp_path, {"optimizer": {"epochs": 2000}}, "scene-scene")
    end = time.monotonic() + 120
    metrics = tmp_path / "scene-scene" / "metrics.jsonl"
    while not (metrics.is_file() and metrics.stat().st_size):
        assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
        assert time.monotonic() < end, (tmp_path / "log").read_text()[-3000:]
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) != 0
    step = torch.load(saved_states(tmp_path / "scene-scene")[0], weights_only=True)["clock"]["step"]
    assert 0 < step < 8000
    assert "stopped after step" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("name", ["scene-scene", "oac"])
def test_both_ways_to_shuffle_train_the_same_bits_and_only_one_exchanges_images(tmp_path, name):
    backbones, gathered = [], []
    for shuffle in ("all_gather", "loader"):
        draw(tmp_path / shuffle)
        changes = {**CHANGES, "training": {"shuffle": shuffle}}
        assert finish(processes.start(train_noting_what_is_gathered, 2, tmp_path / shuffle, name, changes)) == [0, 0]
        backbones.append((tmp_path / shuffle / BACKBONE).read_bytes())
        gathered.append(torch.load(tmp_path / shuffle / "gathered.pt", weights_only=True))
    assert backbones[0] == backbones[1]
    # float64: the running statistics that are saved
    assert gathered == [
        ["torch.float32", "torch.float64", "torch.int64", "torch.uint8"],
        ["torch.float32", "torch.float64", "torch.int64"],
    ]
