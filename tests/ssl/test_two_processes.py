"""Two processes over gloo: batch statistics of the whole batch, and for each method the loss and gradient of one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from objectcrop.networks.batch_norm import GlobalBatchNorm1d, GlobalBatchNorm2d

pytestmark = pytest.mark.xdist_group("two-processes")  # its fixtures are made once

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
import torch
from objectcrop.runtime.distributed import join_world
from tests.ssl.test_two_processes import CASES, normalised_rows, one_step

torch.set_num_threads(1)
folder = Path(sys.argv[1])
with join_world(0) as world:
    results = {"norm": normalised_rows(world.rank, world.size)}
    results |= {name: one_step(name, world) for name in CASES}
    torch.save(results, folder / f"{world.rank}.pt")
"""
SCENES, OBJECTS = {}, {"regions": ["object", "dilated_object"], "proposals": "lod"}
BYOL = {"hidden_dims": 24, "embedding_dims": 16}
SWAV = {"hidden_dims": 24, "embedding_dims": 16, "num_prototypes": 6, "queue_length": 16, "queue_from_epoch": 0}
# batch norm groups of 2 fit into both halves; CMC and InsDis have statistics of each process, so they are held in evaluation mode
PLAIN = {"projector_batch_norm": False, "batch_norm_group": 2}
CASES = {
    "byol": {"method": "byol", "byol": BYOL},
    "byol-heads": {"method": "byol", "byol": {**BYOL, "heads": "per_view"}, "views": OBJECTS},
    "swav": {"method": "swav", "swav": SWAV},
    "densecl": {"method": "densecl", "moco": {**PLAIN, "heads": "per_view"}, "views": OBJECTS},
    "cmc": {"method": "cmc", "cmc": {"embedding_dims": 16, "num_negatives": 9}},
    "insdis": {"method": "insdis", "insdis": {"embedding_dims": 16, "num_negatives": 9, "crops": "two"}},
    "cmc-nce": {"method": "cmc", "cmc": {"embedding_dims": 16, "num_negatives": 9, "loss": "nce"}},
}
UNEVEN = (5, 3)


def normalised_rows(rank, size):
    """Outputs, input gradients and running statistics of 8 rows, 5 here and 3 there."""
    torch.manual_seed(0)
    rows, slopes = torch.randn(8, 3, dtype=torch.float64) * 4 + 7, torch.randn(8, 3, dtype=torch.float64)
    norm = GlobalBatchNorm1d(3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2, 3]))
        norm.bias.copy_(torch.tensor([0.5, 0, -1]))
    if size > 1:
        rows, slopes = rows.split(UNEVEN)[rank], slopes.split(UNEVEN)[rank]
    rows.requires_grad_(True)
    outputs = norm(rows)
    (gradient,) = torch.autograd.grad((outputs * slopes).sum(), rows)
    single = norm(torch.ones(1 if rank == 0 else 0, 3, dtype=torch.float64))  # one row in all
    return [outputs.detach(), gradient, norm.running_mean, norm.running_var, single.detach()]


def one_step(name, world):
    """(loss, gradients, buffers that all processes share) of this process's share of a batch of 8."""
    from objectcrop.ssl.methods.registry import build_method
    from tests.ssl.conftest import tiny_run
    from tests.ssl.wiring import batch_of, images, seeded_weights, setup_of

    changes = CASES[name]
    run = tiny_run(**{**changes, "optimizer": {"global_batch_size": 8}})
    # in float64: batch norm over few values blows rounding up; `normalise` gives float32, so the trunk is widened by a hook
    torch.set_default_dtype(torch.float64)
    try:
        with seeded_weights(0):
            method = build_method(setup_of(run, world, 16))
    finally:
        torch.set_default_dtype(torch.float32)
    for module in method.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda module, inputs: (inputs[0].double(),))
    method.train(run.method not in ("cmc", "insdis"))
    tags = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1])
    if not run.uses_objects:
        tags = torch.ones_like(tags)
    batch = batch_of()._replace(
        query=images(1, 8, 32, 32),
        key=images(2, 8, 32, 32),
        query_tags=tags,
        key_tags=1 - tags if run.uses_objects else tags,
        rows=torch.tensor([7, 2, 0, 11, 15, 3, 9, 1]),
        rotation=torch.zeros(8, dtype=torch.long),
        whole=None,
        cells=None,
        small=images(5, 8, 2, 16, 16) if name == "swav" else None,
    )
    share = 8 // world.size
    mine = slice(world.rank * share, (world.rank + 1) * share)
    batch = batch._make(None if value is None else value[mine] for value in batch)
    losses = method.step_losses(batch, 4)
    losses.total.backward()
    method.after_step(4, 10)
    gradients = {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
    shared = {name: value for name, value in method.named_buffers() if name.endswith(("keys", "tags", "rows"))}
    return losses.total.item(), gradients, shared


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(folder / "program.py"), str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.slow
def test_batch_statistics_are_those_of_all_processes(two):
    outputs, gradient, mean, variance, single = normalised_rows(0, 1)
    torch.testing.assert_close(torch.cat([results["norm"][0] for results in two]), outputs, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cat([results["norm"][1] for results in two]), gradient, rtol=0, atol=1e-12)
    for results in two:
        torch.testing.assert_close(results["norm"][2], mean, rtol=0, atol=1e-12)
        torch.testing.assert_close(results["norm"][3], variance, rtol=0, atol=1e-12)
    torch.testing.assert_close(two[0]["norm"][4], single, rtol=0, atol=1e-12)
    assert two[1]["norm"][4].shape == (0, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_step_of_two_processes_is_that_of_one_with_the_whole_batch(two, name):
    from tests.ssl.wiring import ALONE

    loss, gradients, shared = one_step(name, ALONE)
    assert (two[0][name][0] + two[1][name][0]) / 2 == pytest.approx(loss, abs=1e-9)
    for results in two:
        assert results[name][1].keys() == {f"{key}" for key in gradients}
        for key, gradient in gradients.items():
            torch.testing.assert_close(results[name][1][key], gradient, rtol=1e-6, atol=1e-9, msg=key)
        for key, values in shared.items():
            torch.testing.assert_close(results[name][2][key], values, rtol=0, atol=1e-9, msg=key)


def test_alone_it_is_plain_batch_norm():
    torch.manual_seed(0)
    ours, theirs = GlobalBatchNorm2d(3), nn.BatchNorm2d(3)
    maps = torch.randn(4, 3, 5, 6) + 2
    for _ in range(2):
        torch.testing.assert_close(ours(maps), theirs(maps))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    torch.testing.assert_close(ours.eval()(maps), theirs.eval()(maps))
