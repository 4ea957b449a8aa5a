"""From the tensors of a file to a trunk in torchvision's names, and back to the layout of any project (`key_schemes`)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor

from objectcrop.networks.backbones import resnet_names
from objectcrop.networks.checkpoints import Checkpoint
from objectcrop.networks.key_schemes import BY_NAME, SCHEMES, Scheme, as_torchvision, kind_of, plain_name
from objectcrop.study.settings.backbones import RESNETS

COUNTER = ".num_batches_tracked"
"""Ending of the tensors that checkpoints from before PyTorch 0.4.1 lack; a trunk with a fixed momentum never reads them."""
_LEAST_SHARE = 0.05
"""Of the names of a trunk: what holds fewer of them is none."""
_NEARLY = 0.5
"""What holds this share of the names that the fullest network of a file holds may be chosen before it."""
_TRANSFORMER = ("cls_token", "class_token", "pos_embed", "patch_embed.", "conv_proj.", "encoder.pos_embedding")
_CAFFE2 = ("conv1_w", "res_conv1_bn_s")
_OTHER = "other"


class Trunk(NamedTuple):
    """A trunk that was found in a file.

    Attributes:
        scheme: the layout of the file.
        root: what stands before the trunk's names in the file.
        weights: by torchvision's names; what is beside the trunk under the same root and known to be nothing else, too.
        leftovers: the kind of every other tensor, by its path in the file.
        rewritten: types other than float32 that numbers had in the file.
    """

    scheme: Scheme
    root: str
    weights: dict[str, Tensor]
    leftovers: dict[str, str]
    rewritten: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the layout in words."""
        return f"{self.scheme.name} ({f'names behind {self.root!r}' if self.root else 'names without a prefix'})"

    def describe_changes(self, complete: Mapping[str, Tensor]) -> str:
        """Return in words what a complete trunk has that the file has not; empty if nothing."""
        added = len(complete.keys() - self.weights.keys())
        changes = [f"{added} missing counters of batches set to 0"] if added else []
        changes += [f"{' and '.join(self.rewritten)} rewritten as float32"] if self.rewritten else []
        return "".join(f"; {change}" for change in changes)


def find_trunk(
    checkpoint: Checkpoint, names: Collection[str] | None = None, *, where: str, scheme: str | None = None
) -> Trunk:
    """Find the trunk of a file, whatever the layout.

    Args:
        checkpoint: the file.
        names: of the trunk that is sought; None is any ResNet.
        where: the file, for messages.
        scheme: name of the layout; None recognises it.

    Raises:
        ValueError: with `where`, if there is no such trunk, or if several are there and nothing says which is meant.
    """
    sought = frozenset(names if names is not None else resnet_names("resnet152"))
    rows = SCHEMES if scheme is None else (BY_NAME[scheme],)
    chosen = _choose(checkpoint, sought, rows, is_named=scheme is not None)
    if chosen is None and scheme is None:
        chosen = _only_root(checkpoint, sought, where)
    if chosen is None:
        raise ValueError(f"{where}: {_why_not(checkpoint, sought, scheme)}")
    row, root = chosen
    roots = _roots(checkpoint, sought, row.spelling)
    _check_single([other for other in roots if plain_name(other) == plain_name(root)], roots, sought, where)
    places = [root, *(place for place in roots if plain_name(place) in row.moved)]
    wanted = {row.spelling(name): name for name in sought}
    weights, leftovers = {}, {}
    plain_root = plain_name(root)
    for path, tensor in checkpoint.tensors.items():
        ours = next((wanted[path[len(place) :]] for place in places if _is_at(path, place, wanted)), None)
        if ours is not None and ours not in weights:
            weights[ours] = tensor
            continue
        kind = kind_of(plain_name(path), plain_root)
        if kind is None and path.startswith(root):
            weights[path.removeprefix(root)] = tensor
        else:
            leftovers[path] = kind or _OTHER
    types = {str(tensor.dtype).removeprefix("torch.") for tensor in weights.values() if tensor.is_floating_point()}
    widened = {name: _widened(tensor) for name, tensor in weights.items()}
    return Trunk(row, root, widened, leftovers, tuple(sorted(types - {"float32"})))


def describe_leftovers(leftovers: Mapping[str, str], *, every: bool = False) -> list[str]:
    """Return a line for each kind of what a file holds beside its trunk.

    Args:
        leftovers: of a `Trunk`.
        every: whether all paths are named; otherwise the first few of a kind.
    """
    lines = []
    for kind in sorted(set(leftovers.values())):
        paths = [path for path, of in leftovers.items() if of == kind]
        named = ", ".join(paths) if every else shorten(paths)
        lines.append(f"left out, {kind}: {len(paths)} ({named})")
    return lines or ["nothing is left out"]


def check_names(weights: Mapping[str, Tensor], names: Collection[str]) -> list[str]:
    """Return what names are missing and what are unexpected in the weights of a trunk, counters of batches aside."""
    problems = []
    if missing := sorted(name for name in set(names) - weights.keys() if not name.endswith(COUNTER)):
        problems.append(f"missing {shorten(missing)}")
    if unexpected := sorted(weights.keys() - set(names)):
        problems.append(f"unexpected {shorten(unexpected)}")
    return problems


def nearest_resnet(weights: Collection[str]) -> str:
    """Return the ResNet whose names differ least from these, counters of batches aside."""
    held = {name for name in weights if not name.endswith(COUNTER)}

    def distance(arch: str) -> int:
        return len(held ^ {name for name in resnet_names(arch) if not name.endswith(COUNTER)})

    return min(RESNETS, key=distance)


def complete_resnet(trunk: Trunk, *, where: str) -> tuple[str, dict[str, Tensor]]:
    """Return the name of the ResNet that a trunk is, and its weights, all there; missing counters of batches are 0.

    Raises:
        ValueError: with `where` and the names that are missing or unexpected, or that hold values that are not finite.
    """
    arch = nearest_resnet(trunk.weights)
    names = resnet_names(arch)
    problems = check_names(trunk.weights, names)
    if broken := non_finite(trunk.weights):
        problems.append(f"values that are not finite in {shorten(broken)}")
    if problems:
        raise ValueError(f"{where}: no whole ResNet; the nearest is {arch}: {'; '.join(problems)}")
    return arch, {name: trunk.weights.get(name, torch.tensor(0)) for name in sorted(names)}


def non_finite(weights: Mapping[str, Tensor]) -> list[str]:
    """Return the names of tensors that hold NaN or infinity."""
    return [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]


def in_layout(weights: Mapping[str, Tensor], scheme: Scheme) -> dict[str, Any]:
    """Return what a file of a layout holds: the trunk alone, where the layout has it."""
    *folders, prefix = scheme.written.split("/")
    value: dict[str, Any] = {prefix + scheme.spelling(name): tensor for name, tensor in weights.items()}
    for folder in reversed(folders):
        value = {folder: value}
    return value


def shorten(names: Sequence[str]) -> str:
    """Return the first names and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _choose(
    checkpoint: Checkpoint, sought: frozenset[str], rows: Sequence[Scheme], *, is_named: bool
) -> tuple[Scheme, str] | None:
    plain = [plain_name(path) for path in chain(checkpoint.tensors, checkpoint.values)]
    enough: list[tuple[Scheme, str, int]] = []
    for row in rows:
        if is_named or not row.marks or any(name.startswith(row.marks) for name in plain):
            roots = _roots(checkpoint, sought, row.spelling)
            held = [(row, root, count) for root, count in roots.items() if plain_name(root) in row.roots]
            enough += sorted(held, key=lambda entry: row.roots.index(plain_name(entry[1])))
    full = _full([count for _, _, count in enough], sought)
    return next(((row, root) for row, root, count in enough if count >= full), None)


def _roots(checkpoint: Checkpoint, sought: frozenset[str], spelling: Callable[[str], str]) -> Counter[str]:
    """Count, for every beginning of a path, the sought names behind it; none where a spelling is none of this network."""
    spelled = frozenset(map(spelling, sought))
    if spelling is not as_torchvision and spelled == sought:
        return Counter()
    return Counter(path[: len(path) - len(end)] for path in checkpoint.tensors for end in _ends(path) if end in spelled)


def _full(counts: Sequence[int], sought: frozenset[str]) -> float:
    """Return how many of the sought names must be behind a beginning, to be chosen among those with these counts."""
    return max(_NEARLY * max(counts, default=0), _LEAST_SHARE * len(sought), 1)


def _ends(path: str) -> Iterator[str]:
    """Yield a path, and what is behind each of its dots."""
    while path:
        yield path
        path = path.partition(".")[2]


def _only_root(checkpoint: Checkpoint, sought: frozenset[str], where: str) -> tuple[Scheme, str] | None:
    """Return a layout of torchvision's names behind a beginning of a path that no row has, if there is one alone."""
    counts = _roots(checkpoint, sought, as_torchvision)
    roots = _check_single(list(counts), counts, sought, where)
    return (BY_NAME["torchvision"], roots[0]) if roots else None


def _check_single(roots: Sequence[str], counts: Mapping[str, int], sought: frozenset[str], where: str) -> list[str]:
    """Return the one of these roots that has a network behind it, none if none has.

    Raises:
        ValueError: with `where` if several have.
    """
    full = _full(list(counts.values()), sought)
    networks = [root for root in roots if counts[root] >= full]
    if len(networks) > 1:
        raise ValueError(
            f"{where}: {len(networks)} networks are in it, behind {', '.join(map(repr, networks))}, and no layout that is "
            "known says which to take; save the state_dict of one alone"
        )
    return networks


def _is_at(path: str, place: str, wanted: Mapping[str, str]) -> bool:
    return path.startswith(place) and path[len(place) :] in wanted


def _why_not(checkpoint: Checkpoint, sought: frozenset[str], scheme: str | None) -> str:
    plain = [plain_name(path) for path in checkpoint.tensors]

    def holds(ends: tuple[str, ...]) -> str | None:
        return next((name for name in plain if any(end.startswith(ends) for end in _ends(name))), None)

    if name := holds(_TRANSFORMER):
        return f"it holds a vision transformer ({name}), expected a convolutional trunk with names as {min(sought)}"
    if name := holds(_CAFFE2):
        return (
            f"it has Caffe2's names ({name}), as Detectron2's ImageNet models of MSRA: their strides are in the 1 x 1 "
            "convolutions and their pixels BGR without a deviation, which no trunk here has"
        )
    layout = "in any layout that is known" if scheme is None else f"in the layout of {scheme}"
    return f"no trunk {layout}; its tensors are {shorten(plain)}, expected names as {min(sought)} (see docs/weights.md)"


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor.long()
