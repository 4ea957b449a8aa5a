"""How projects name the tensors of a ResNet in their files, and what else is in them: a row of a table each, for both ways.

A tensor's name is its path in the file: `state_dict.module.encoder_q.conv1.weight`. What wraps every name is taken off first
(`plain_name`), so that a row says `encoder_q.`. Behind its root each tensor has one of three spellings: torchvision's, that of
the children of a Sequential, or Detectron2's. Where each layout is from stands in the row.

Rows are tried in order; of several networks in a file the one that its authors evaluate comes first.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

_WRAPPER = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod)\.")
"""What DistributedDataParallel and torch.compile put into names."""
NESTS = ("state_dict", "model_state_dict", "model", "network", "net")
"""Under which files keep the tensors, beside epochs and the like."""
_NEST = re.compile(rf"(?:(?:{'|'.join(NESTS)})\.)+")

_STAGE = re.compile(r"layer([1-4])\.(.+)")
_NORM = re.compile(r"\bbn(\d)\b")


def as_torchvision(name: str) -> str:
    """Return a name as it is: ours are torchvision's."""
    return name


def as_children(name: str) -> str:
    """Return a name in a Sequential of a ResNet's children: conv1, bn1, relu, maxpool, layer1 to layer4 are 0 to 7."""
    if match := _STAGE.fullmatch(name):
        return f"{int(match[1]) + 3}.{match[2]}"
    return name.replace("conv1.", "0.", 1) if name.startswith("conv1.") else name.replace("bn1.", "1.", 1)


def as_detectron2(name: str) -> str:
    """Return Detectron2's name of a ResNet's tensor (tools/convert-torchvision-to-d2.py of facebookresearch/detectron2).

    What is in no stage gets `stem.`, layerN becomes res(N + 1), bnN the norm of convN, and the two parts of a downsample the
    shortcut and its norm.
    """
    match = _STAGE.fullmatch(name)
    renamed = f"res{int(match[1]) + 1}.{match[2]}" if match else f"stem.{name}"
    return (
        _NORM.sub(r"conv\1.norm", renamed)
        .replace("downsample.0.", "shortcut.")
        .replace("downsample.1.", "shortcut.norm.")
    )


class Scheme(NamedTuple):
    """The layout of one project's files.

    Attributes:
        name: in commands and messages.
        roots: what stands before the trunk's names, wrappers taken off; the first that is there counts.
        written: where a trunk is put in a new file of this layout: dictionaries inside each other, then what stands before
            its names, parted by `/`.
        source: which code writes such files.
        spelling: of the names behind the root.
        marks: beginnings of names of which one at least is in a file that is recognised by itself; none are needed if empty.
        moved: roots of stages that are elsewhere in some files.
    """

    name: str
    roots: tuple[str, ...]
    written: str
    source: str
    spelling: Callable[[str], str] = as_torchvision
    marks: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


_VISSL = "classy_state_dict.base_model.model.trunk._feature_blocks."

SCHEMES = (
    Scheme(
        "moco",
        ("encoder_q.",),
        "state_dict/module.encoder_q.",
        "facebookresearch/moco, moco/builder.py and main_moco.py; PyTorch Lightning Bolts' Moco_v2 has the same names",
    ),
    Scheme(
        "moco_v3", ("base_encoder.",), "state_dict/module.base_encoder.", "facebookresearch/moco-v3, moco/builder.py"
    ),
    Scheme(
        "densecl",
        ("backbone.", "encoder_q.0."),
        "state_dict/backbone.",
        "WXinlong/DenseCL (on OpenSelfSup), openselfsup/models/densecl.py: the trunk is there twice",
        marks=("queue2",),
    ),
    Scheme(
        "byol",
        ("backbone.", "online_net.0."),
        "state_dict/backbone.",
        "OpenSelfSup, openselfsup/models/byol.py (the trunk is there twice), and mmpretrain, mmpretrain/models/selfsup/byol.py",
        marks=("online_net.", "target_net."),
    ),
    Scheme(
        "swav",
        ("",),
        "module.",
        "facebookresearch/swav, src/resnet50.py and hubconf.py",
        marks=("prototypes.", "projection_head."),
    ),
    Scheme(
        "vissl",
        (_VISSL, "trunk._feature_blocks.", "_feature_blocks."),
        "classy_state_dict/base_model/model/trunk/_feature_blocks.",
        "facebookresearch/vissl, vissl/models/trunks/resnext.py and extra_scripts/convert_vissl_to_torchvision.py",
    ),
    Scheme(
        "dino_teacher",
        ("teacher.backbone.", "teacher."),
        "teacher/module.backbone.",
        "facebookresearch/dino, main_dino.py; utils.py evaluates the teacher",
    ),
    Scheme(
        "dino_student",
        ("student.backbone.", "student."),
        "student/module.backbone.",
        "facebookresearch/dino, main_dino.py: the network that gradients train",
    ),
    Scheme(
        "lightly",
        ("backbone.", ""),
        "state_dict/backbone.",
        "lightly-ai/lightly, examples/pytorch_lightning: a Sequential of torchvision's children; benchmarks/imagenet/resnet50 "
        "has Lightning's names",
        spelling=as_children,
    ),
    Scheme(
        "lightning",
        ("backbone.", "encoder.", "resnet.", "feature_extractor.", ""),
        "state_dict/backbone.",
        "PyTorch Lightning: the attribute of the user's LightningModule stands before the names, as solo-learn's `backbone`",
        marks=("pytorch-lightning_version",),
    ),
    Scheme(
        "mmpretrain",
        ("backbone.",),
        "state_dict/backbone.",
        "open-mmlab/mmpretrain, mmselfsup and OpenSelfSup, whose ResNet has torchvision's names",
    ),
    Scheme(
        "timm",
        ("state_dict_ema.", ""),
        "",
        "huggingface/pytorch-image-models, timm/models/resnet.py (torchvision's names) and _helpers.py, which takes the average",
        marks=("state_dict_ema.",),
    ),
    Scheme(
        "torchvision",
        ("",),
        "",
        "pytorch/vision, torchvision/models/resnet.py; our own backbone.safetensors; also what extraction scripts of DenseCL, "
        "VISSL and DINO leave",
    ),
    Scheme(
        "detectron2",
        ("backbone.bottom_up.", "backbone.", ""),
        "model/",
        "facebookresearch/detectron2, detectron2/modeling/backbone/resnet.py; a C4 detector keeps res5 in its ROI heads",
        spelling=as_detectron2,
        moved=("roi_heads.",),
    ),
)
BY_NAME = {scheme.name: scheme for scheme in SCHEMES}

_HEAD = (
    r"(?:fc|heads?|classifier|neck|projector|projection|predictor|prediction|prototypes|mlp|"
    r"[a-z_]+_(?:head|projector|predictor|classifier))\d*\."
)
_OTHERS = (
    ("optimiser state", r"(?:optimizers?|optimizer_states|optim|optim_wrapper|\w*scaler|amp\w*)\."),
    ("loop state", r"(?:callbacks|loops|lr_schedulers?|hooks)\."),
    ("pixel scale", r"pixel_(?:mean|std)$|data_preprocessor\."),
    ("queue", r"(?:queue|memory_bank)\w*(?:\.|$)"),
    ("loss state", r"(?:dino_loss|criterion|loss)\w*\."),
    ("the trunk once more", r"(?:encoder_q|online_net)\.0\."),
    ("head", r"(?:encoder_q|online_net)\.1\.|stem\.fc\."),
    (
        "another network",
        r"(?:encoder_k|momentum_encoder|target_\w+|student\w*|teacher\w*|query_\w+|key_\w+|state_dict_ema|model_ema\w*|"
        r"\w+_momentum|momentum_\w+)\.",
    ),
    ("detector", r"(?:proposal_generator|roi_heads|anchor_generator|sem_seg_head|backbone\.(?:fpn_|top_block))"),
    ("head", _HEAD),
)
_KINDS = tuple((kind, re.compile(pattern)) for kind, pattern in _OTHERS)
_ANY_HEAD = re.compile(rf"(?:.*\.)?{_HEAD}")


def plain_name(name: str) -> str:
    """Return a tensor's path in a file without what wraps every name: `state_dict.`, `model.`, `module.`, `_orig_mod.`."""
    unwrapped = _WRAPPER.sub("", name)
    nest = _NEST.match(unwrapped)
    return unwrapped[nest.end() :] if nest else unwrapped


def kind_of(name: str, root: str) -> str | None:
    """Return what a tensor is that belongs to no trunk; None if the table does not know it.

    Args:
        name: plain, as `plain_name` returns it.
        root: of the trunk that was chosen, plain too. Behind it a head is known by the first part of its name alone: what is
            deeper belongs to a block, and a block with more tensors than ours is another network's.
    """
    own = root.partition(".")[0]
    for kind, pattern in _KINDS:
        is_own = kind == "another network" and own and name.startswith(f"{own}.")
        if not is_own and pattern.match(name):
            return kind
    if name.startswith(root):
        return "head" if re.match(_HEAD, name.removeprefix(root)) else None
    return "head" if _ANY_HEAD.match(name) else None
