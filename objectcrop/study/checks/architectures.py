"""Networks and their layers by name, as far as they are known without building them."""

from collections.abc import Iterator

from objectcrop.study.checks.torchvision_names import CLASSIFIERS, OTHERS, WITHOUT_MAP
from objectcrop.study.merging import suggestion
from objectcrop.study.settings.backbones import BackboneSettings

RESNETS = {
    "resnet18": (2, (2, 2, 2, 2)),
    "resnet34": (2, (3, 4, 6, 3)),
    "resnet50": (3, (3, 4, 6, 3)),
    "resnet101": (3, (3, 4, 23, 3)),
    "resnet152": (3, (3, 8, 36, 3)),
}
"""Convolutions of a block, and blocks of each stage."""
AS_RESNET = {
    "resnext50_32x4d": "resnet50",
    "wide_resnet50_2": "resnet50",
    "resnext101_32x8d": "resnet101",
    "resnext101_64x4d": "resnet101",
    "wide_resnet101_2": "resnet101",
}
VGG_CONVOLUTIONS = {"vgg11": 8, "vgg13": 10, "vgg16": 13, "vgg19": 16}
VGG_POOLINGS = 5
LITE0 = "efficientnet_lite0"
TIMM = "timm:"

Layers = frozenset[str]


def backbone_layers(backbone: BackboneSettings) -> Layers | None:
    """Return the names of all layers of a run's trunk; None if they are only known once it is built."""
    if backbone.arch in RESNETS:
        layers = resnet_layers(backbone.arch)
        if backbone.color == "rgb":
            return layers
        return frozenset(f"{part}.{layer}" for part in ("luminance", "chrominance") for layer in layers)
    return None


def file_trunk_layers(arch: str) -> Layers | None:
    """Return the names of all layers of a network of torchvision; None if they are only known once it is built."""
    plain = arch.removesuffix("_bn")
    if plain in VGG_CONVOLUTIONS:
        per_convolution = 2 if plain == arch else 3
        count = VGG_CONVOLUTIONS[plain] * per_convolution + VGG_POOLINGS
        features, classifier = (f"features.{place}" for place in range(count)), (f"classifier.{n}" for n in range(7))
        return frozenset({"features", "avgpool", "classifier", *features, *classifier})
    name = AS_RESNET.get(arch, arch)
    return resnet_layers(name) | {"avgpool", "fc"} if name in RESNETS else None


def resnet_layers(arch: str) -> Layers:
    """Return the names of the layers of a ResNet without its classifier."""
    return frozenset(_resnet_layers(*RESNETS[arch]))


def ends_in_relu(layer: str) -> bool:
    """Return whether the maps of a ResNet's layer end in a ReLU, so that none is negative."""
    last = layer.rpartition(".")[2]
    return not last.startswith(("conv", "bn", "downsample")) and ".downsample." not in layer


def find_arch_problem(arch: str) -> str | None:
    """Return what is wrong with the name of a run's trunk; None if nothing is, or only its package knows."""
    if arch in WITHOUT_MAP:
        return f"{arch} gives no map of stride 32, which a trunk needs; take a ResNet, or another network with one"
    if arch.startswith(TIMM) or arch in CLASSIFIERS:
        return None
    return f"torchvision has no network {arch!r} for images{suggestion(arch, list(CLASSIFIERS))}"


def find_file_arch_problem(arch: str) -> str | None:
    """Return what is wrong with the name of a network whose weights are in a file; None if nothing is."""
    names = [*CLASSIFIERS, *OTHERS, LITE0]
    return None if arch in names else f"there is no network {arch!r} in torchvision{suggestion(arch, names)}"


def _resnet_layers(num_convolutions: int, blocks: tuple[int, ...]) -> Iterator[str]:
    yield from ("conv1", "bn1", "relu", "maxpool")
    parts = ["relu", *(f"{kind}{n}" for kind in ("conv", "bn") for n in range(1, num_convolutions + 1))]
    for stage, count in enumerate(blocks, start=1):
        yield f"layer{stage}"
        for block in range(count):
            yield f"layer{stage}.{block}"
            yield from (f"layer{stage}.{block}.{part}" for part in parts)
        yield from (f"layer{stage}.0.{part}" for part in ("downsample", "downsample.0", "downsample.1"))
