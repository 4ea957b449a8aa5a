"""Losses of the first steps of each recipe, against numbers in files: a change of them is a change of the recipe.

After a wanted change: raise RECIPE in objectcrop/ssl/recipe.py, then
`OBJECTCROP_REGENERATE=1 python -m pytest tests/ssl/test_golden.py`.
"""

import json
import os
from pathlib import Path

import pytest

from objectcrop.ssl.pretraining import pretrain
from objectcrop.ssl.recipe import RECIPE

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
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


def first_losses(found):
    rows = found.summary["history"][:STEPS]
    return [{name: value for name, value in row.items() if name.startswith("loss")} for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_losses_are_those_of_the_recipe(tables, request_of, tmp_path, name):
    epochs = 1 if request_of(name).run.optimizer.global_batch_size == 4 else 2
    losses = first_losses(pretrain(request_of(name, optimizer={"epochs": epochs}), tables, tmp_path / "c"))
    file = GOLDEN / f"{name}.json"
    if os.environ.get("OBJECTCROP_REGENERATE"):
        file.write_text(json.dumps({"recipe": RECIPE, "losses": losses}, indent=2) + "\n")
    golden = json.loads(file.read_text())
    assert golden["recipe"] == RECIPE, "RECIPE was raised: regenerate the golden files (see the top of this file)"
    assert len(losses) == STEPS
    for step, (found, expected) in enumerate(zip(losses, golden["losses"], strict=True)):
        assert found == pytest.approx(expected, abs=1e-4), f"step {step}: raise RECIPE if this change is wanted"
