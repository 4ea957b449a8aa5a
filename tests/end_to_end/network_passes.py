"""Every pass of a network in the project, on a processor without AVX-512: none may compute a convolution in bfloat16.

`test_avx2.py` runs this file in a process of its own, as oneDNN and torch read their limits when they start.
"""

import dataclasses
import os

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.images import labelled_images, training_classes
from objectcrop.evaluate.linear.probe import evaluate_linear
from objectcrop.networks.backbones import build_backbone
from objectcrop.networks.weights import save_backbone
from objectcrop.proposals.sources.maskcut import mask_cut
from objectcrop.runtime.precision import describe_precision, resolve_precision
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import StopRequest
from objectcrop.ssl.pretraining import pretrain
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.proposals import LodProposals, MaskCutProposals
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.study.settings.tasks import DetectorTask, LinearTask, SegmenterTask
from tests.evaluate.detection.conftest import drawn_root, exported, trunk_with_statistics  # noqa: F401 - fixtures
from tests.ssl.conftest import RECIPES, request_of, tables  # noqa: F401 - fixtures
from workflow_scripts.trunks import open_trunk

pytestmark = pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning")
CPU = torch.device("cpu")
THIN = BackboneSettings(arch="resnet18", width=0.125)
CONVOLUTIONS = (
    torch.ops.aten.convolution.default,
    torch.ops.aten.convolution_backward.default,
    torch.ops.aten.conv2d.default,  # what inference mode calls
)


class Convolutions(TorchDispatchMode):
    """Counts convolutions, forward and backward, by the type that they compute in."""

    def __init__(self):
        super().__init__()
        self.counts = {torch.float32: 0, torch.bfloat16: 0}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in CONVOLUTIONS:
            self.counts[args[0].dtype] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture
def convolutions():
    with Convolutions() as mode:
        yield mode


def assert_all_in_float32(convolutions):
    assert convolutions.counts[torch.bfloat16] == 0
    assert convolutions.counts[torch.float32] > 0


def test_this_process_is_limited_to_avx2():
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert torch.backends.cpu.get_cpu_capability() == "AVX2"
    assert not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert resolve_precision("auto", CPU) == "float32"
    assert describe_precision("auto", CPU) == "precision float32 (auto: this CPU has no native bfloat16)"


def test_bfloat16_asked_for_by_name_is_used_and_warned_about_once(tables, request_of, tmp_path, convolutions, capsys):  # noqa: F811
    request = request_of("scene-scene", optimizer={"precision": "bfloat16", "epochs": 1})
    trained = pretrain(request, tables, tmp_path / "c")
    assert convolutions.counts[torch.bfloat16] > 0
    assert trained.summary["precision"] == "bfloat16"
    assert capsys.readouterr().err.count("bfloat16 on a CPU without native bfloat16: convolutions take 9 to 14") == 1


@pytest.mark.parametrize("name", RECIPES)
def test_pretraining_and_its_monitor(tables, request_of, tmp_path, convolutions, name):  # noqa: F811
    request = request_of(name, optimizer={"precision": "auto", "epochs": 1}, training={"monitor_every_epochs": 1})
    trained = pretrain(request, tables, tmp_path / "c")
    assert trained.summary["precision"] == "float32"
    assert "effective_rank" in trained.summary["monitored"][0]
    assert_all_in_float32(convolutions)


def test_linear_evaluation(tables, convolutions):  # noqa: F811
    classes = training_classes(tables.manifest, tables.annotations)
    both = (
        labelled_images(tables.manifest, tables.annotations, tables.data_root, split, classes)
        for split in ("train", "test")
    )
    task = LinearTask(kind="linear", dataset="d", size_px=32, resize_px=32, epochs=1, batch_size=8)
    result = evaluate_linear(build_backbone(THIN), Data(*both, tuple(classes)), task, Seeds(0, 0), device=CPU).results
    assert result["precision"] == "float32"
    assert_all_in_float32(convolutions)


@pytest.mark.parametrize("kind", ["lod", "maskcut"])
def test_trunks_of_proposals(tmp_path, convolutions, kind):
    save_backbone(build_backbone(THIN), tmp_path / "b.safetensors", {})
    model = {"lod": LodProposals, "maskcut": MaskCutProposals}[kind]
    source = model(kind=kind, features_run="r")
    layers = ("layer2", "layer3") if kind == "lod" else ("layer4",)
    trunk = open_trunk(
        source, THIN, [tmp_path / "b.safetensors"], layers=layers, descriptor_layer="layer4", use_gpu=False
    )
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    if kind == "lod":
        assert {layer.dtype for layer in (*trunk.maps(image), trunk.descriptor(image, 64))} == {np.dtype(np.float32)}
    else:
        mask_cut(trunk, source)(image, np.random.default_rng(0))
    assert trunk.precision == "float32"
    assert_all_in_float32(convolutions)


@pytest.mark.parametrize("kind", ["detector", "segmenter"])
def test_fine_tuning_and_its_test(drawn_root, exported, tmp_path, convolutions, kind):  # noqa: F811
    from objectcrop.evaluate.detection.fine_tune import fine_tune  # after conftest, which imports Detectron2 quietly
    from objectcrop.evaluate.detection.request import FineTuning

    schedule = {
        "max_iterations": 2,
        "decay_iterations": [1],
        "warmup_iterations": 0,
        "images_per_batch": 2,
        "train_short_sides_px": [64],
        "test_short_side_px": 64,
        "max_long_side_px": 128,
        "precise_batch_norm_iterations": 1,
        "regions_per_image": 8,
        "test_regions_per_image": 8,
        "max_test_images": 1,
    }
    task = {"detector": DetectorTask, "segmenter": SegmenterTask}[kind](kind=kind, dataset="few", schedule=schedule)
    weights = exported(trunk_with_statistics("resnet18", 0.125))
    job = FineTuning("t", task, THIN, "few", DrawnDataset(source="drawn"), drawn_root, weights, tmp_path / "c", seed=0)
    assert fine_tune(job, StopRequest())["precision"] == "float32"
    assert_all_in_float32(convolutions)
    by_name = task.model_copy(update={"schedule": task.schedule.model_copy(update={"precision": "bfloat16"})})
    result = fine_tune(dataclasses.replace(job, task=by_name, checkpoints=tmp_path / "narrow"), StopRequest())
    assert result["precision"] == "bfloat16"
    assert convolutions.counts[torch.bfloat16] > 0
