"""The estimate of a step's memory against what autograd saves in a real step, and against the GPUs of the presets."""

import pytest
import torch
import yaml

from objectcrop.networks import batch_norm
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.runtime.distributed import World
from objectcrop.ssl.methods.byol import Byol
from objectcrop.ssl.methods.method import TrunkPasses
from objectcrop.ssl.methods.registry import METHODS as ALL
from objectcrop.ssl.methods.registry import build_method
from objectcrop.ssl.methods.supervised import Supervised
from objectcrop.ssl.step_memory import (
    GIB,
    device_memory,
    estimate_step_memory,
    find_memory_warnings,
    weight_bytes,
)
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.runs import OptimizerSettings, Run
from objectcrop.views.batches import LabelledBatch
from tests.ssl.wiring import OBJECT_PAIR, batch_of, images, setup_of

BOTH = {"views": OBJECT_PAIR, "losses": {"rotation": 1.0, "localization": 1.0, "patches": 3}}
METHODS = {
    "moco_v2": {},
    "densecl": {},
    "byol": {"byol": {"hidden_dims": 24, "embedding_dims": 16}},
    "swav": {"views": {"small_crops": {"count": 2, "size_px": 32}}, "swav": {"hidden_dims": 24, "num_prototypes": 20}},
    "cmc": {"cmc": {"num_negatives": 6}},
    "insdis": {"insdis": {"num_negatives": 6, "crops": "two"}},
}
META = World(0, 1, torch.device("meta"))
GPU = torch.device("cuda")
GPU_BYTES = 80 * 10**9


def saved_bytes(modules, work):
    """Bytes of the storages that autograd saves while it works, but for those of parameters and buffers."""
    own = {value.untyped_storage().data_ptr() for value in (*modules.parameters(), *modules.buffers())}
    held = {}

    def save(value):
        if value.untyped_storage().data_ptr() not in own:
            held.setdefault(value.untyped_storage().data_ptr(), value)
        return value

    with torch.autograd.graph.saved_tensors_hooks(save, lambda value: value):
        work()
    return sum(value.untyped_storage().nbytes() for value in held.values())


@pytest.mark.parametrize("losses", ["own loss", "with both extra losses"])
@pytest.mark.parametrize("name", METHODS)
def test_the_estimate_is_what_autograd_saves_in_a_step(request_of, name, losses):
    changes = {"method": name, "backbone": {"width": 0.25}, **METHODS[name]}
    if losses == "with both extra losses":
        changes = {**changes, **BOTH, "views": {**BOTH["views"], **changes.get("views", {})}}
    run = request_of(**changes).run
    with seeded_weights(0):
        method = build_method(setup_of(run)).train()
    batch = batch_of(query_tags=(0, 0, 1, 1), num_small=2 if name == "swav" else 0)
    estimate = estimate_step_memory(run, method, world_size=1, is_narrow=False)
    real = saved_bytes(method, lambda: method.step_losses(batch, 0))
    assert estimate.num_images == 4
    assert estimate.kept == pytest.approx(real, rel=0.25)


def test_the_estimate_of_a_supervised_step_is_what_autograd_saves(request_of):
    run = request_of("supervised", backbone={"width": 0.25}).run
    method = Supervised(setup_of(run, labels=torch.tensor([0, 1, 2]))).train()
    batch = LabelledBatch(images(1, 4, 32, 32), torch.tensor([0, 1, 2, 0]), torch.arange(4))
    real = saved_bytes(method, lambda: method.step_losses(batch, 0))
    assert estimate_step_memory(run, method, world_size=1, is_narrow=False).kept == pytest.approx(real, rel=0.25)


def test_the_estimate_in_bfloat16_is_what_autograd_saves_with_the_narrow_weights(request_of):
    run = request_of("supervised", backbone={"width": 0.25}, optimizer={"precision": "bfloat16"}).run
    method = Supervised(setup_of(run, labels=torch.tensor([0, 1, 2]))).train()
    batch = LabelledBatch(images(1, 4, 32, 32), torch.tensor([0, 1, 2, 0]), torch.arange(4))
    real = saved_bytes(method, lambda: method.step_losses(batch, 0))
    weights = sum(value.nbytes for value in method.parameters()) // 2
    estimate = estimate_step_memory(run, method, world_size=1, is_narrow=True)
    assert estimate.kept == pytest.approx(real - weights, rel=0.25)


def test_statistics_of_several_processes_are_counted_with_what_they_keep(request_of, monkeypatch):
    run = request_of("byol", backbone={"width": 0.25}).run
    with seeded_weights(0):
        method = Byol(setup_of(run)).train()
    alone, shared = (estimate_step_memory(run, method, world_size=n, is_narrow=False) for n in (1, 2))
    monkeypatch.setattr(batch_norm, "is_shared", lambda: True)
    monkeypatch.setattr(batch_norm.dist, "all_reduce", lambda values: None)
    trunk = build_backbone(run.backbone, is_global=True).train()
    real = saved_bytes(trunk, lambda: trunk(torch.randn(4, 3, 32, 32)))
    passes = 4 * (shared.kept // shared.num_images)
    assert passes == pytest.approx(method.count_passes(run).large * real, rel=0.05)
    assert shared.kept / shared.num_images > 1.3 * alone.kept / alone.num_images


def test_estimating_changes_neither_the_method_nor_torchs_generator(request_of):
    run = request_of("oac").run
    with seeded_weights(0):
        method = build_method(setup_of(run)).train()
    tensors = dict((*method.named_parameters(), *method.named_buffers()))
    before, state = {name: value.clone() for name, value in tensors.items()}, torch.get_rng_state()
    estimate_step_memory(run, method, world_size=2, is_narrow=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in tensors.items())


@pytest.mark.parametrize(
    ("method", "changes", "passes"),
    [
        ("moco_v2", {}, TrunkPasses(1, 0)),
        ("moco_v2", {"losses": {"rotation": 1.0}}, TrunkPasses(3, 0)),
        ("moco_v2", {"losses": {"rotation": 1.0, "rotate_contrastive": True}}, TrunkPasses(2, 0)),
        ("densecl", {"losses": {"rotation": 1.0, "key_features": "key_encoder"}}, TrunkPasses(2, 0)),
        ("byol", {"losses": {"localization": 1.0, "whole_size_px": 112}}, TrunkPasses(2, 0, 1)),
        ("densecl", {"losses": {"rotation": 1.0, "localization": 1.0}}, TrunkPasses(4, 0)),
        ("byol", {"losses": {"localization": 1.0}}, TrunkPasses(3, 0)),
        ("swav", {}, TrunkPasses(2, 6)),
        ("cmc", {"cmc": {"crops": "two"}}, TrunkPasses(2, 0)),
        ("insdis", {}, TrunkPasses(1, 0)),
        ("supervised", {}, TrunkPasses(1, 0)),
    ],
)
def test_passes_with_gradient_are_those_of_the_method_and_its_losses(method, changes, passes):
    run = Run.model_validate({"dataset": "d", "method": method, **changes})
    assert ALL[method].count_passes(run) == passes


def byol_preset(**training):
    """BYOL at 4096 as the presets train it, ResNet-50 at 224 pixels."""
    run = Run.model_validate(
        {
            "dataset": "d",
            "method": "byol",
            "optimizer": {"name": "lars", "global_batch_size": 4096},
            "training": training,
        }
    )
    with torch.device("meta"):
        return run, Byol(setup_of(run, META))


def test_byol_at_4096_does_not_fit_four_gpus_of_80_gb_at_once():
    run, method = byol_preset()
    memory = estimate_step_memory(run, method, world_size=4, is_narrow=True, on_gpu=True)
    (warning,) = find_memory_warnings(method, memory, world_size=4, limit=GPU_BYTES)
    assert warning.startswith(f"a step needs about {memory.total / GIB:.1f} GiB, the device has 74.5 GiB")
    assert "1024 images at once): set training.accumulation_steps to 2, or use more GPUs" in warning


def test_gpus_keep_as_much_together_as_alone():
    run, method = byol_preset()
    together = estimate_step_memory(run, method, world_size=8, is_narrow=True, on_gpu=True)
    cpus = estimate_step_memory(run, method, world_size=8, is_narrow=True)
    assert not find_memory_warnings(method, together, world_size=8, limit=GPU_BYTES)
    assert cpus.kept > 2 * together.kept


def test_byol_at_4096_fits_eight_gpus_of_80_gb_in_two_parts():
    run, method = byol_preset(accumulation_steps=2)
    memory = estimate_step_memory(run, method, world_size=8, is_narrow=True, on_gpu=True)
    assert memory.num_images == 256
    assert not find_memory_warnings(method, memory, world_size=8, limit=GPU_BYTES)
    assert memory.describe(GPU) == (
        f"about {memory.activations / GIB:.1f} GiB a GPU for activations of 256 images x 2 trunk passes,"
        f" {memory.weights / 2**20:.1f} MiB for weights and optimizer"
    )


def test_the_estimate_of_a_small_run_is_said_in_mebibytes(request_of):
    run = request_of("supervised").run
    memory = estimate_step_memory(
        run, Supervised(setup_of(run, labels=torch.tensor([0, 1, 2]))), world_size=1, is_narrow=False
    )
    assert memory.describe(torch.device("cpu")) == (
        f"about {memory.activations / 2**20:.1f} MiB a process for activations of 4 images x 1 trunk pass,"
        f" {memory.weights / 2**20:.1f} MiB for weights and optimizer"
    )


def test_a_method_with_a_queue_is_not_advised_to_accumulate(request_of):
    run = request_of().run
    method = build_method(setup_of(run))
    memory = estimate_step_memory(run, method, world_size=1, is_narrow=False)
    (warning,) = find_memory_warnings(method, memory, world_size=1, limit=memory.total - 1)
    assert "accumulation_steps" not in warning
    assert warning.endswith("use more GPUs, or lower optimizer.global_batch_size")
    assert not find_memory_warnings(method, memory, world_size=1, limit=memory.total)


@pytest.mark.parametrize(("name", "copies"), [("sgd", 3), ("lars", 6), ("adamw", 4)])
def test_weights_count_gradients_and_the_optimizers_state(name, copies):
    layer = torch.nn.Linear(10, 10, bias=False)
    assert weight_bytes(layer, OptimizerSettings(name=name), is_narrow=False) == copies * 400
    assert weight_bytes(layer, OptimizerSettings(name=name), is_narrow=True) == copies * 400 + 200


def test_the_memory_of_a_machine_is_shared_among_its_processes():
    alone, half = (device_memory(torch.device("cpu"), size) for size in (1, 2))
    assert alone > GIB // 2
    assert half == alone // 2


def large_steps(root):
    """The runs of the presets that hold at least 128 images a GPU, one for each amount of work: (where, run)."""
    steps = {}
    for path in sorted((root / "presets").glob("*.yaml")):
        config = yaml.safe_load(path.read_text())
        if "name" not in config:
            continue  # merged over another preset
        for name, run in load_plan(config).study.runs.items():
            gpus, parts = run.resources.gpus, run.training.accumulation_steps
            if run.is_trained and gpus and run.optimizer.global_batch_size // (gpus * parts) >= 128:
                work = run.method, ALL[run.method].count_passes(run), gpus, parts, run.optimizer.global_batch_size
                steps.setdefault(work, (f"{path.name}: {name}", run))
    return steps.values()


def test_every_run_of_the_presets_fits_its_gpus_of_80_gb(root):
    warnings = []
    for where, run in large_steps(root):
        with torch.device("meta"):
            method = build_method(setup_of(run, META, 8192, torch.zeros(1, 208)))
        size = run.resources.gpus
        memory = estimate_step_memory(run, method, world_size=size, is_narrow=True, on_gpu=True)
        warnings += [
            f"{where}: {warning}" for warning in find_memory_warnings(method, memory, world_size=size, limit=GPU_BYTES)
        ]
    assert warnings == []
