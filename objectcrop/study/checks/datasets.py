"""Misfits of data sets: what they are made from, and splits without annotations."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from objectcrop.study.checks.splits import splits_of
from objectcrop.study.settings.datasets import (
    CocoDataset,
    DrawnDataset,
    OpenImagesDataset,
    PreparedDataset,
    UnionDataset,
)
from objectcrop.study.settings.section import Split
from objectcrop.study.settings.subsets import OhmsDataset, ReleasedOhmsDataset, SubsetDataset
from objectcrop.study.study import Study


def dataset_problems(study: Study) -> Iterator[str]:
    """Yield the problems of all data sets."""
    for name, dataset in study.datasets.items():
        where = f"datasets.{name}"
        match dataset:
            case SubsetDataset():
                yield from _subset_problems(study, where, dataset)
            case UnionDataset():
                yield from _union_problems(study, where, dataset)
            case PreparedDataset(of=base) if isinstance(study.datasets.get(base), PreparedDataset):
                yield f"{where}.of: {base!r} is itself prepared; name the data set that it is of"
            case CocoDataset():
                yield from _unannotated(where, set(dataset.images) - set(dataset.instances), "instances")
            case OpenImagesDataset(download=None):
                yield from _unannotated(where, set(dataset.images) - set(dataset.boxes), "boxes")


def _subset_problems(study: Study, where: str, dataset: SubsetDataset) -> Iterator[str]:
    base = study.datasets.get(dataset.of)
    if base is None:
        return
    if not isinstance(base, OpenImagesDataset | DrawnDataset):
        yield f"{where}.of: {dataset.of!r} is no data set with Open Images boxes; name one of source openimages or drawn"
    elif isinstance(dataset, ReleasedOhmsDataset) and isinstance(base, DrawnDataset):
        yield (
            f"{where}.of: the released lists name images of Open Images, but {dataset.of!r} is drawn; name one of source openimages"
        )
    elif isinstance(dataset, OhmsDataset) and "train" not in splits_of(study, dataset.of):
        yield f"{where}.of: {dataset.of!r} has no split train, whose images are selected; add images.train to it"
    elif isinstance(dataset, OhmsDataset) and isinstance(base, OpenImagesDataset) and base.download is not None:
        for split in sorted(set(base.boxes) - set(base.images)):
            yield (
                f"{where}.of: images of split {split} are selected by their boxes and downloaded, but {dataset.of!r} has no folder "
                f"for them; add datasets.{dataset.of}.images.{split}, or drop its boxes"
            )


def _union_problems(study: Study, where: str, dataset: UnionDataset) -> Iterator[str]:
    for place, part in enumerate(dataset.parts):
        if isinstance(study.datasets.get(part), UnionDataset):
            yield f"{where}.parts.{place}: {part!r} is itself a union; list its parts"
        if part in dataset.parts[:place]:
            yield f"{where}.parts.{place}: {part!r} is a part already, and ids of images must differ; remove it"


def _unannotated(where: str, splits: AbstractSet[Split], setting: str) -> Iterator[str]:
    for split in sorted(splits):
        yield f"{where}.images.{split}: this split has no annotations; add {setting}.{split}, or drop images.{split}"
