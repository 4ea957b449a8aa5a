"""A file of every layout becomes the same trunk, bit by bit, and all else in it is named; the way back too."""

import re
from collections import Counter

import pytest
import timm
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.networks.backbones import build_backbone, resnet_names
from objectcrop.networks.checkpoints import read_checkpoint
from objectcrop.networks.conversion import complete_resnet, find_trunk
from objectcrop.networks.key_schemes import BY_NAME, SCHEMES, as_children, as_detectron2, plain_name
from objectcrop.networks.layout_files import write_layout
from objectcrop.networks.weights import load_backbone
from objectcrop.study.settings.backbones import RESNETS, BackboneSettings
from tests.networks import layouts


@pytest.fixture(scope="module")
def expected():
    return layouts.trunk().state_dict()


def same(weights, expected):
    """Names, types and every bit."""
    return weights.keys() == expected.keys() and all(
        weights[name].dtype == tensor.dtype and torch.equal(weights[name], tensor) for name, tensor in expected.items()
    )


def converted(path, **named):
    trunk = find_trunk(read_checkpoint(path), where=str(path), **named)
    return trunk, complete_resnet(trunk, where=str(path))[1]


@pytest.mark.parametrize("name", layouts.LAYOUTS)
def test_a_file_of_every_layout_is_recognised_and_all_of_it_is_accounted_for(tmp_path, name, expected):
    build, layout, kinds = layouts.LAYOUTS[name]
    torch.save(build(), tmp_path / "theirs.pth")
    trunk, weights = converted(tmp_path / "theirs.pth")
    assert trunk.scheme.name == layout
    assert same(weights, expected)
    assert Counter(trunk.leftovers.values()) == kinds
    tensors = read_checkpoint(tmp_path / "theirs.pth").tensors
    assert len(trunk.weights) + len(trunk.leftovers) == len(tensors)
    assert trunk.leftovers.keys() <= tensors.keys()
    loaded = load_backbone(tmp_path / "theirs.pth", layouts.SETTINGS).state_dict()
    assert same(loaded, expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_for_detectron2_is_read(tmp_path, protocol, expected):
    (tmp_path / "theirs.pkl").write_bytes(layouts.detectron2(protocol))
    trunk, weights = converted(tmp_path / "theirs.pkl")
    assert trunk.scheme.name == "detectron2"
    assert same(weights, expected)
    assert trunk.leftovers == {"model.stem.fc.weight": "head", "model.stem.fc.bias": "head"}


def test_the_student_is_taken_where_it_is_named(tmp_path, expected):
    torch.save(layouts.dino(teacher=1, student=0), tmp_path / "dino.pth")
    assert not same(converted(tmp_path / "dino.pth")[1], expected)
    trunk, weights = converted(tmp_path / "dino.pth", scheme="dino_student")
    assert same(weights, expected)
    assert Counter(trunk.leftovers.values()) == {"head": 8, "another network": 326, "loss state": 1}


def test_timms_names_are_torchvisions_and_its_average_is_taken(tmp_path):
    with torch.device("meta"):
        names = timm.create_model("resnet18", pretrained=False).state_dict().keys()
    assert names - {"fc.weight", "fc.bias"} == resnet_names("resnet18")
    thin = build_backbone(BackboneSettings(arch="resnet18", width=0.125))
    theirs = layouts.with_head(thin, torch.nn.Linear(64, 10)).state_dict()
    average = {name: value + 1 for name, value in theirs.items()}
    torch.save({"arch": "resnet18", "state_dict": theirs, "state_dict_ema": average}, tmp_path / "last.pth.tar")
    trunk, weights = converted(tmp_path / "last.pth.tar")
    assert trunk.scheme.name == "timm"
    assert same(weights, {name: average[name] for name in weights})
    assert set(trunk.leftovers.values()) == {"head", "other"}
    trunk, weights = converted(tmp_path / "last.pth.tar", scheme="torchvision")
    assert same(weights, {name: theirs[name] for name in weights})


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_written_in_a_layout_is_read_back_bit_by_bit(tmp_path, name, ending, expected):
    path = tmp_path / f"ours{ending}"
    write_layout(path, expected, BY_NAME[name])
    assert same(converted(path)[1], expected)
    trunk, weights = converted(path, scheme=name)
    assert same(weights, expected)
    assert trunk.leftovers == {}
    first = path.read_bytes()
    write_layout(path, dict(reversed(expected.items())), BY_NAME[name])
    assert ending == ".pth" or path.read_bytes() == first


def test_a_pickle_is_written_for_detectron2_alone(tmp_path, expected):
    write_layout(tmp_path / "ours.pkl", expected, BY_NAME["detectron2"])
    assert same(converted(tmp_path / "ours.pkl")[1], expected)
    with pytest.raises(ValueError, match=r"ours\.pkl: a \.pkl file is Detectron2's; write layout moco to a \.pth file"):
        write_layout(tmp_path / "ours.pkl", expected, BY_NAME["moco"])
    with pytest.raises(ValueError, match=r"ours\.txt: weights are written to files that end in one of \.safetensors"):
        write_layout(tmp_path / "ours.txt", expected, BY_NAME["moco"])


def test_written_layouts_have_the_names_that_their_projects_read(expected):
    names = {scheme.name: scheme.written + scheme.spelling("layer1.0.bn1.weight") for scheme in SCHEMES}
    assert names == {
        "moco": "state_dict/module.encoder_q.layer1.0.bn1.weight",
        "moco_v3": "state_dict/module.base_encoder.layer1.0.bn1.weight",
        "densecl": "state_dict/backbone.layer1.0.bn1.weight",
        "byol": "state_dict/backbone.layer1.0.bn1.weight",
        "swav": "module.layer1.0.bn1.weight",
        "vissl": "classy_state_dict/base_model/model/trunk/_feature_blocks.layer1.0.bn1.weight",
        "dino_teacher": "teacher/module.backbone.layer1.0.bn1.weight",
        "dino_student": "student/module.backbone.layer1.0.bn1.weight",
        "lightly": "state_dict/backbone.4.0.bn1.weight",
        "lightning": "state_dict/backbone.layer1.0.bn1.weight",
        "mmpretrain": "state_dict/backbone.layer1.0.bn1.weight",
        "timm": "layer1.0.bn1.weight",
        "torchvision": "layer1.0.bn1.weight",
        "detectron2": "model/res2.0.conv1.norm.weight",
    }


def test_the_guide_names_every_layout_in_the_order_of_the_table(root):
    page = (root / "docs/weights.md").read_text(encoding="utf-8").partition("## Layouts")[2]
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(cells)) == [scheme.name for scheme in SCHEMES]


@pytest.mark.parametrize("arch", RESNETS)
def test_every_spelling_gives_every_tensor_a_name_of_its_own(arch):
    with torch.device("meta"):
        theirs = torchvision.models.get_model(arch)
    assert theirs.state_dict().keys() - {"fc.weight", "fc.bias"} == resnet_names(arch)
    for spelling in (as_children, as_detectron2):
        assert len({spelling(name) for name in resnet_names(arch)}) == len(resnet_names(arch))
    children = torch.nn.Sequential(*list(theirs.children())[:-1]).state_dict()
    assert children.keys() == {as_children(name) for name in resnet_names(arch)}


WRAPPERS = st.lists(st.sampled_from(["module.", "_orig_mod.", "state_dict.", "model.", "network."]), max_size=4)


@given(WRAPPERS, st.sampled_from(["conv1.weight", "encoder_q.bn1.bias", "backbone.layer4.2.conv3.weight"]))
def test_wrappers_are_taken_off_in_any_order(wrappers, name):
    assert plain_name("".join(wrappers) + name) == name


def test_the_depth_of_a_file_is_recognised(tmp_path):
    for arch in RESNETS:
        trunk = build_backbone(BackboneSettings(arch=arch, width=0.125))
        torch.save({"state_dict": layouts.Nested({"encoder_q": trunk}).state_dict()}, tmp_path / "theirs.pth")
        found = find_trunk(read_checkpoint(tmp_path / "theirs.pth"), where="theirs")
        assert complete_resnet(found, where="theirs")[0] == arch


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_of_another_precision_become_float32(tmp_path, dtype, expected):
    state = {name: value.to(dtype) if value.is_floating_point() else value for name, value in expected.items()}
    torch.save(state, tmp_path / "theirs.pth")
    trunk, weights = converted(tmp_path / "theirs.pth")
    assert same(weights, {name: value.float() if value.is_floating_point() else value for name, value in state.items()})
    assert trunk.rewritten == (str(dtype).removeprefix("torch."),)
    assert trunk.describe_changes(weights) == f"; {trunk.rewritten[0]} rewritten as float32"


def test_missing_counters_are_0_and_counted(tmp_path, expected):
    old = {name: value for name, value in expected.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    trunk, weights = converted(tmp_path / "old.pth")
    assert trunk.describe_changes(weights) == "; 53 missing counters of batches set to 0"
    assert weights.keys() == expected.keys()
    assert not any(weights[name] for name in expected.keys() - old.keys())


def broken(**changes):
    return {**layouts.trunk().state_dict(), **changes}


def without(name):
    return {key: value for key, value in layouts.trunk().state_dict().items() if key != name}


def vit():
    state = timm.create_model("vit_tiny_patch16_224", depth=1, embed_dim=12).state_dict()
    return {"state_dict": state}


def two():
    return layouts.Nested({"left": layouts.trunk(), "right": layouts.trunk(1)}).state_dict()


def nested_twice():
    return {"state_dict": layouts.moco()["state_dict"], "model": layouts.moco()["state_dict"]}


NAN = torch.full((8,), torch.nan)
REJECTED = {
    "vit": (vit, r"it holds a vision transformer \(cls_token\), expected a convolutional trunk"),
    "nan": (lambda: broken(**{"bn1.weight": NAN}), r"values that are not finite in bn1\.weight"),
    "lost": (lambda: without("layer3.5.bn2.bias"), r"the nearest is resnet50: missing layer3\.5\.bn2\.bias$"),
    "other_blocks": (
        lambda: broken(**{"layer1.0.se.fc1.weight": NAN}),
        r"the nearest is resnet50: unexpected layer1\.0\.se\.fc1\.weight",
    ),
    "two": (two, "2 networks are in it, behind 'left.', 'right.', and no layout that is known says which"),
    "nested_twice": (
        nested_twice,
        r"2 networks are in it, behind 'state_dict\.module\.encoder_q\.', 'model\.module\.encoder_q\.', and no layout",
    ),
    "vgg": (lambda: {"features.0.weight": NAN}, r"no trunk in any layout .* its tensors are features\.0\.weight"),
    "caffe2": (lambda: {"conv1_w": NAN, "res2_0_branch2a_w": NAN}, r"it has Caffe2's names \(conv1_w\)"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_no_whole_resnet_is_rejected_by_name(tmp_path, name):
    build, message = REJECTED[name]
    torch.save(build(), tmp_path / f"{name}.pth")
    with pytest.raises(ValueError, match=rf"{name}\.pth: .*{message}"):
        converted(tmp_path / f"{name}.pth")


def test_a_layout_that_a_file_has_not_is_named(tmp_path):
    torch.save(layouts.torchvision(), tmp_path / "theirs.pth")
    with pytest.raises(
        ValueError, match=r"theirs\.pth: no trunk in the layout of moco; its tensors are conv1\.weight, "
    ):
        converted(tmp_path / "theirs.pth", scheme="moco")
