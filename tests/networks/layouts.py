"""Files as other projects write them, with a thin trunk of known weights: built from modules that are nested as theirs."""

import argparse
import copy
import pickle

import numpy as np
import torch
from torch import nn

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.key_schemes import as_detectron2
from objectcrop.study.settings.backbones import BackboneSettings

SETTINGS = BackboneSettings(arch="resnet50", width=0.125)


def trunk(seed=0):
    """A thin ResNet-50 whose batch norms have statistics of their own."""
    with seeded_weights(seed):
        network = build_backbone(SETTINGS)
        for name, tensor in network.state_dict().items():
            if name.endswith(("running_mean", "running_var")):
                tensor.copy_(torch.rand(tensor.shape) + 0.5)
            elif name.endswith("num_batches_tracked"):
                tensor.fill_(100 + seed)
    return network


def with_head(network, head):
    network.fc = head
    return network


def mlp():
    return nn.Sequential(nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 16))


class Nested(nn.Module):
    """A module of named parts and buffers."""

    def __init__(self, parts, **buffers):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        for name, value in buffers.items():
            self.register_buffer(name, value)


def in_parallel(module):
    """The state as DistributedDataParallel names it."""
    return {f"module.{name}": value for name, value in module.state_dict().items()}


def optimizer_of(module):
    """The state of an optimizer after a step."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.0, momentum=0.9)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return optimizer.state_dict()


QUEUE = {"queue": torch.zeros(16, 8), "queue_ptr": torch.zeros(1, dtype=torch.long)}
QUEUES = {**QUEUE, "queue2": torch.zeros(16, 8), "queue2_ptr": torch.zeros(1, dtype=torch.long)}


def torchvision():
    return with_head(trunk(), nn.Linear(256, 10)).state_dict()


def example_script():
    """The ImageNet example of PyTorch: its best accuracy is a tensor beside the state."""
    model = with_head(trunk(), nn.Linear(256, 10))
    return {"epoch": 3, "arch": "resnet50", "state_dict": in_parallel(model), "best_acc1": torch.tensor(76.1)}


def moco():
    model = Nested({"encoder_q": with_head(trunk(), mlp()), "encoder_k": with_head(trunk(1), mlp())}, **QUEUE)
    saved = {"epoch": 200, "arch": "resnet50", "state_dict": in_parallel(model)}
    return saved | {"optimizer": optimizer_of(model.encoder_q), "args": argparse.Namespace(lr=0.03)}


def moco_v3():
    parts = {"base_encoder": with_head(trunk(), mlp()), "momentum_encoder": with_head(trunk(1), mlp())}
    return {"epoch": 1, "state_dict": in_parallel(Nested({**parts, "predictor": mlp()})), "scaler": {"scale": 1.0}}


def openselfsup(online, target, parts, **buffers):
    pair = nn.Sequential(trunk(), Nested({"mlp": mlp()}))
    other = nn.Sequential(trunk(1), Nested({"mlp": mlp()}))
    model = Nested({online: pair, target: other, "backbone": pair[0], **parts}, **buffers)
    return {"meta": {"epoch": 200}, "state_dict": model.state_dict()}


def densecl():
    return openselfsup("encoder_q", "encoder_k", {}, **QUEUES)


def byol_openselfsup():
    return openselfsup("online_net", "target_net", {"head": Nested({"predictor": mlp()})})


def byol_mmpretrain():
    target = Nested({"module": nn.Sequential(trunk(1), mlp())}, steps=torch.tensor(5))
    head = Nested({"predictor": mlp()})
    model = Nested({"backbone": trunk(), "neck": mlp(), "head": head, "target_net": target})
    pixels = Nested({}, mean=torch.zeros(3), std=torch.ones(3))
    model.add_module("data_preprocessor", pixels)
    return {"meta": {}, "state_dict": model.state_dict()}


def mmpretrain():
    return {"meta": {}, "state_dict": Nested({"backbone": trunk(), "head": nn.Linear(256, 10)}).state_dict()}


def swav():
    model = trunk()
    model.projection_head, model.prototypes = mlp(), Nested({"prototypes0": nn.Linear(16, 30, bias=False)})
    return in_parallel(model)


def vissl():
    heads = {"0.clf.0.weight": torch.zeros(16, 256), "0.clf.0.bias": torch.zeros(16)}
    blocks = Nested({"_feature_blocks": trunk()}).state_dict()
    return {"phase_idx": 1, "classy_state_dict": {"base_model": {"model": {"trunk": blocks, "heads": heads}}}}


def vissl_extracted():
    return {"model_state_dict": Nested({"_feature_blocks": trunk()}).state_dict()}


def dino(teacher=0, student=1):
    networks = {"student": student, "teacher": teacher}
    saved = {
        name: in_parallel(Nested({"backbone": trunk(seed), "head": Nested({"mlp": mlp(), "last_layer": mlp()})}))
        for name, seed in networks.items()
    }
    groups = [{"lr": np.float64(0.03), "betas": (0.9, 0.95)}]  # of a schedule that is an array
    more = {"optimizer": {"state": {}, "param_groups": groups}, "dino_loss": {"center": torch.zeros(1, 8)}}
    more |= {"epoch": 1, "args": argparse.Namespace(arch="resnet50"), "fp16_scaler": {"scale": 65536.0}}
    return saved | more


def lightning():
    """Names as those of lightly's own benchmarks, compiled."""
    parts = {"backbone": trunk(), "projection_head": mlp(), "teacher_backbone": trunk(1), "online_classifier": mlp()}
    state = {
        name.replace("backbone.", "backbone._orig_mod."): value for name, value in Nested(parts).state_dict().items()
    }
    more = {"optimizer_states": [optimizer_of(parts["projection_head"])], "lr_schedulers": [], "loops": {}}
    more["callbacks"] = {"ModelCheckpoint": {"kth_value": torch.tensor(1.0)}}
    return {"epoch": 1, "global_step": 9, "pytorch-lightning_version": "2.6.6", "state_dict": state, **more}


def lightly():
    network = trunk()
    children = nn.Sequential(
        *(child for name, child in network.named_children() if name != "fc"), nn.AdaptiveAvgPool2d(1)
    )
    parts = {"backbone": children, "projection_head": mlp(), "backbone_momentum": copy.deepcopy(children)}
    bank = Nested({}, bank=torch.zeros(16, 8), bank_ptr=torch.zeros(1))
    state = Nested({**parts, "criterion": Nested({"memory_bank": bank})}).state_dict()
    return {"epoch": 1, "pytorch-lightning_version": "2.6.6", "state_dict": state, "callbacks": {}}


def of_an_attribute():
    """A LightningModule that calls its trunk something else."""
    return {"pytorch-lightning_version": "2", "state_dict": Nested({"eye": trunk(), "mlp": mlp()}).state_dict()}


def detectron2(protocol=4):
    """What MoCo's and torchvision's converters for Detectron2 write; the second keeps the classifier behind `stem.`."""
    arrays = {as_detectron2(name): value.numpy() for name, value in torchvision().items()}
    saved = {"model": arrays, "__author__": "torchvision", "matching_heuristics": True}
    return pickle.dumps(saved, protocol=protocol)


LAYOUTS = {
    "torchvision": (torchvision, "torchvision", {"head": 2}),
    "example_script": (example_script, "torchvision", {"head": 2, "other": 1}),
    "moco": (moco, "moco", {"head": 4, "another network": 322, "queue": 2, "optimiser state": 163}),
    "moco_v3": (moco_v3, "moco_v3", {"head": 8, "another network": 322}),
    "densecl": (densecl, "densecl", {"head": 4, "another network": 322, "queue": 4, "the trunk once more": 318}),
    "byol_openselfsup": (
        byol_openselfsup,
        "byol",
        {"head": 8, "another network": 322, "the trunk once more": 318},
    ),
    "byol_mmpretrain": (byol_mmpretrain, "byol", {"head": 8, "another network": 323, "pixel scale": 2}),
    "mmpretrain": (mmpretrain, "mmpretrain", {"head": 2}),
    "swav": (swav, "swav", {"head": 5}),
    "vissl": (vissl, "vissl", {"head": 2}),
    "vissl_extracted": (vissl_extracted, "vissl", {}),
    "dino": (dino, "dino_teacher", {"head": 8, "another network": 326, "loss state": 1}),
    "lightning": (
        lightning,
        "lightning",
        {"head": 8, "another network": 318, "optimiser state": 4, "loop state": 1},
    ),
    "lightly": (lightly, "lightly", {"head": 4, "another network": 318, "loss state": 2}),
    "of_an_attribute": (of_an_attribute, "torchvision", {"head": 4}),
}
