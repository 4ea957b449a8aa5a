"""Misfits of proposal sources: what they are made from, layers that their network lacks, and files of no known form."""

from collections.abc import Iterator
from pathlib import PurePath

from objectcrop.study.checks.architectures import (
    Layers,
    backbone_layers,
    ends_in_relu,
    file_trunk_layers,
    find_file_arch_problem,
)
from objectcrop.study.checks.splits import has_labels, splits_of
from objectcrop.study.merging import suggestion
from objectcrop.study.settings.proposals import (
    DegreeProposals,
    ExternalProposals,
    FeatureProposals,
    LodProposals,
    MaskCutProposals,
    RandomProposals,
)
from objectcrop.study.study import Study, ancestry


def proposal_problems(study: Study) -> Iterator[str]:
    """Yield the problems of all proposal sources."""
    for name, source in study.proposals.items():
        where = f"proposals.{name}"
        match source:
            case FeatureProposals():
                yield from _run_problems(study, where, name, source)
                yield from _layer_problems(study, where, source)
            case RandomProposals() if isinstance(study.proposals.get(source.sizes_of), RandomProposals):
                yield f"{where}.sizes_of: {source.sizes_of!r} is itself random; name a source with sizes of its own"
            case DegreeProposals():
                base = study.proposals.get(source.of)
                if base is not None and not isinstance(base, LodProposals):
                    yield f"{where}.of: {source.of!r} is of kind {base.kind}, not lod; name a LOD source"
            case ExternalProposals() if PurePath(source.file).suffix not in (".parquet", ".json"):
                yield f"{where}.file: {source.file!r} ends in neither .parquet nor .json, the forms that are read"


def measured_problems(study: Study) -> Iterator[str]:
    """Yield what keeps proposals from being measured."""
    for dataset, sources in study.measured_proposals.items():
        where = f"measured_proposals.{dataset}"
        if dataset in study.datasets and not has_labels(study, dataset):
            yield f"{where}: {dataset!r} has no annotated boxes to measure with (source folder); name a labelled data set"
        elif "train" not in splits_of(study, dataset):
            yield f"{where}: {dataset!r} has no split train, whose images proposals are made for; name another"
        for place, source in enumerate(sources):
            if source in sources[:place]:
                yield f"{where}.{place}: {source!r} is in the list already; remove it"


def _run_problems(study: Study, where: str, name: str, source: FeatureProposals) -> Iterator[str]:
    run = study.runs.get(source.features_run or "")
    if run is not None and name in ancestry(study, source.features_run or ""):
        yield (
            f"{where}.features_run: run {source.features_run!r} itself needs proposals {run.views.proposals!r}; name a run that "
            "crops scenes"
        )


def _layer_problems(study: Study, where: str, source: FeatureProposals) -> Iterator[str]:
    if source.trunk is not None:
        if problem := find_file_arch_problem(source.trunk.arch):
            yield f"{where}.trunk.arch: {problem}"
        layers, what = file_trunk_layers(source.trunk.arch), source.trunk.arch
    else:
        run = study.runs.get(source.features_run or "")
        layers, what = (None, "") if run is None else (backbone_layers(run.backbone), f"run {source.features_run!r}")
    if layers is not None:
        for setting, layer in _layers_of(source):
            yield from _layer_problem(f"{where}.{setting}", layer, layers, what, is_map=setting.startswith("layers"))


def _layers_of(source: FeatureProposals) -> Iterator[tuple[str, str]]:
    match source:
        case LodProposals():
            yield from ((f"layers.{place}", layer) for place, layer in enumerate(source.layers))
            yield "descriptor_layer", source.descriptor_layer
        case MaskCutProposals():
            yield "layer", source.layer


def _layer_problem(where: str, layer: str, layers: Layers, what: str, *, is_map: bool) -> Iterator[str]:
    if layer not in layers:
        shallow = sorted(name for name in layers if name.count(".") < 2)
        yield f"{where}: the trunk of {what} has no layer {layer!r}{suggestion(layer, shallow)}"
    elif is_map and not ends_in_relu(layer):
        yield f"{where}: layer {layer!r} of {what} does not end in a ReLU, which LOD's maps must; name a block or a stage"
