"""The preset of each method against its authors' recipe, key by key (ResNet-50, ImageNet)."""

import json

import pytest
import yaml

from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.section import recorded

SGD = {"optimizer.name": "sgd", "optimizer.momentum": 0.9, "optimizer.weight_decay": 1e-4}
NO_WARMUP = {"optimizer.warmup_epochs": 0}
MOCO = {
    **SGD,
    **NO_WARMUP,
    "optimizer.global_batch_size": 256,
    "optimizer.learning_rate": 0.03,
    "optimizer.schedule": "cosine_per_epoch",
    "optimizer.final_learning_rate": 0,
    "optimizer.epochs": 200,
    "backbone.arch": "resnet50",
    "backbone.width": 1,
    "backbone.color": "rgb",
    "moco.projector_layers": 2,
    "moco.projector_batch_norm": False,
    "moco.embedding_dims": 128,
    "moco.temperature": 0.2,
    "moco.queue_length": 65536,
    "moco.momentum": 0.999,
    "moco.batch_norm_group": 32,
    "moco.heads": "shared",
    "moco.negatives": "mixed",
    "views.augmentation": "moco_v2",
    "views.scene_scale_min": 0.2,
    "views.scene_scale_max": 1,
    "views.size_px": 224,
    "views.small_crops": None,
}
BYOL = {
    "optimizer.name": "lars",
    "optimizer.momentum": 0.9,
    "optimizer.trust_coefficient": 1e-3,
    "optimizer.global_batch_size": 4096,
    "optimizer.learning_rate": 4.8,  # base .3 x 4096 / 256
    "optimizer.weight_decay": 1e-6,
    "optimizer.warmup_epochs": 10,
    "optimizer.warmup_learning_rate": 0,
    "optimizer.schedule": "cosine_per_step",
    "optimizer.final_learning_rate": 0,
    "optimizer.epochs": 300,
    "training.accumulation_steps": 2,  # ours: 8 GPUs of 80 GB
    "byol.hidden_dims": 4096,
    "byol.embedding_dims": 256,
    "byol.target_momentum": 0.99,
    "byol.target_start": "independent",
    "byol.heads": "shared",
    "views.augmentation": "byol",
    "views.scene_scale_min": 0.08,
}
SWAV = {
    "optimizer.name": "larc",
    "optimizer.momentum": 0.9,
    "optimizer.trust_coefficient": 1e-3,
    "optimizer.global_batch_size": 4096,
    "optimizer.learning_rate": 4.8,
    "optimizer.final_learning_rate": 0.0048,
    "optimizer.weight_decay": 1e-6,
    "optimizer.warmup_epochs": 10,
    "optimizer.warmup_learning_rate": 0.3,
    "optimizer.schedule": "cosine_per_step",
    "optimizer.epochs": 800,
    "training.accumulation_steps": 4,  # ours: 8 GPUs of 80 GB
    "swav.hidden_dims": 2048,
    "swav.embedding_dims": 128,
    "swav.num_prototypes": 3000,
    "swav.temperature": 0.1,
    "swav.epsilon": 0.05,
    "swav.sinkhorn_iterations": 3,
    "swav.frozen_prototype_steps": 313,
    "swav.queue_length": 0,
    "views.augmentation": "swav",
    "views.scene_scale_min": 0.14,
    "views.small_crops": {"count": 6, "size_px": 96, "scale": [0.05, 0.14]},
}
RECIPES = {
    "moco-v2": {**MOCO, "method": "moco_v2"},
    "moco-v2-800": {**MOCO, "method": "moco_v2", "optimizer.epochs": 800},
    "moco-v1": {
        **MOCO,
        "method": "moco_v2",
        "views.augmentation": "moco_v1",
        "moco.projector_layers": 1,
        "moco.temperature": 0.07,
        "optimizer.schedule": "step",
        "optimizer.decay_epochs": [120, 160],
        "optimizer.decay_factor": 0.1,
    },
    "densecl": {**MOCO, "method": "densecl", "densecl.dense_weight": 0.5, "densecl.dense_from_step": 0},
    "byol": {**BYOL, "method": "byol"},
    "byol-100": {**BYOL, "method": "byol", "optimizer.epochs": 100, "optimizer.learning_rate": 7.2},
    "byol-1000": {
        **BYOL,
        "method": "byol",
        "optimizer.epochs": 1000,
        "optimizer.learning_rate": 3.2,
        "optimizer.weight_decay": 1.5e-6,
        "byol.target_momentum": 0.996,
    },
    "swav": {**SWAV, "method": "swav"},
    "swav-256": {
        **SWAV,
        **NO_WARMUP,
        "method": "swav",
        "optimizer.warmup_learning_rate": 0,
        "optimizer.global_batch_size": 256,
        "training.accumulation_steps": 1,
        "optimizer.learning_rate": 0.6,
        "optimizer.final_learning_rate": 0.0006,
        "optimizer.epochs": 400,
        "swav.frozen_prototype_steps": 5005,
        "swav.queue_length": 3840,
        "swav.queue_from_epoch": 15,
    },
    "cmc": {
        **SGD,
        **NO_WARMUP,
        "method": "cmc",
        "optimizer.global_batch_size": 128,
        "optimizer.learning_rate": 0.03,
        "optimizer.schedule": "step",
        "optimizer.decay_epochs": [120, 160, 200],
        "optimizer.decay_factor": 0.1,
        "optimizer.epochs": 240,
        "backbone.color": "ycbcr",
        "cmc.embedding_dims": 128,
        "cmc.loss": "softmax",
        "cmc.temperature": 0.07,
        "cmc.num_negatives": 16384,
        "cmc.bank_momentum": 0.5,
        "cmc.crops": "one",
        "views.augmentation": "cmc",
        "views.scene_scale_min": 0.2,
    },
    "insdis": {
        **SGD,
        **NO_WARMUP,
        "method": "insdis",
        "optimizer.global_batch_size": 256,
        "optimizer.learning_rate": 0.03,
        "optimizer.schedule": "step",
        "optimizer.decay_epochs": [120, 160],
        "optimizer.decay_factor": 0.1,
        "optimizer.epochs": 200,
        "insdis.loss": "nce",
        "insdis.embedding_dims": 128,
        "insdis.temperature": 0.07,
        "insdis.num_negatives": 4096,
        "insdis.bank_momentum": 0.5,
        "insdis.proximal_weight": 0,
        "insdis.crops": "one",
        "views.augmentation": "moco_v1",
        "views.scene_scale_min": 0.2,
    },
}


@pytest.fixture(scope="module")
def plan(root):
    return load_plan(yaml.safe_load((root / "presets/recipes.yaml").read_text()))


@pytest.mark.parametrize("name", RECIPES)
def test_the_printed_settings_are_the_recipe(plan, name):
    printed = json.loads(json.dumps(recorded(plan.study.runs[name])))

    def value(path):
        setting = printed
        for key in path.split("."):
            setting = setting[key]
        return setting

    assert {path: value(path) for path in RECIPES[name]} == RECIPES[name]
    assert printed["losses"]["rotation"] == printed["losses"]["localization"] == 0


def test_every_run_of_the_preset_has_its_recipe(plan):
    assert set(plan.study.runs) == set(RECIPES)


def test_every_run_is_judged_by_its_authors_protocol(plan):
    protocols = {run: plan.study.tasks[task].protocol for run, task in plan.results.judged()}
    own = {"byol": "byol", "swav": "swav", "cmc": "cmc"}
    assert protocols == {name: own.get(plan.study.runs[name].method, "moco") for name in RECIPES}


def test_what_is_our_own_choice_is_said_in_the_note_and_in_the_description(plan):
    from objectcrop.study.settings.methods import CmcSettings, InsdisSettings

    assert "own choice" in plan.study.runs["cmc"].note
    assert "own choice" in plan.study.runs["insdis"].note
    for name in ("byol", "byol-100", "byol-1000", "swav"):
        assert "batch statistics" in plan.study.runs[name].note
    for name in ("num_negatives", "bank_momentum", "proximal_weight"):
        assert "own choice" in InsdisSettings.model_fields[name].description
    assert "own choice" in CmcSettings.__doc__
    for name in ("num_negatives", "loss"):
        assert "own choice" in CmcSettings.model_fields[name].description
