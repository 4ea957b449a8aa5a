"""Losses of the first steps of each recipe, against numbers in files: a change of them is a change of the recipe.

After a wanted change: raise RECIPE in objectcrop/ssl/training/recipe.py, then
`OBJECTCROP_REGENERATE=1 python -m pytest tests/ssl/training/test_golden.py`.

All is computed in float64, with batch norm over eight images: in float32, or over two, three steps grow the last bits in
which processors differ to losses that differ in the first digit.
"""

import json
import os
from pathlib import Path

import pytest
import torch

from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.training.recipe import RECIPE

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
NAMES = (
    "scene-scene",
    "obj-dilate",
    "oac",
    "oac-same-tag",
    "supervised",
    "densecl",
    "byol",
    "swav",
    "cmc",
    "cmc-nce",
    "insdis",
)
STEPS = 3


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def golden_run(request_of, name):
    """A recipe for three steps, of all images each."""
    request = request_of(name, optimizer={"epochs": STEPS, "global_batch_size": 16})
    if request.run.method not in ("moco_v2", "densecl"):
        return request
    return request_of(name, optimizer={"epochs": STEPS, "global_batch_size": 16}, moco={"batch_norm_group": 8})


def first_losses(pretrained):
    rows = pretrained.summary["history"][:STEPS]
    return [{name: value for name, value in row.items() if name.startswith("loss")} for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_losses_are_those_of_the_recipe(tables, request_of, tmp_path, name):
    losses = first_losses(pretrain(golden_run(request_of, name), tables, tmp_path / "c"))
    file = GOLDEN / f"{name}.json"
    if os.environ.get("OBJECTCROP_REGENERATE"):
        file.write_text(json.dumps({"recipe": RECIPE, "losses": losses}, indent=2) + "\n")
    golden = json.loads(file.read_text())
    assert golden["recipe"] == RECIPE, "RECIPE was raised: regenerate the golden files (see the top of this file)"
    assert len(losses) == STEPS
    for step, (row, expected) in enumerate(zip(losses, golden["losses"], strict=True)):
        assert row == pytest.approx(expected, rel=1e-5), f"step {step}: raise RECIPE if this change is wanted"
