"""Which splits, labels and images a data set has, as far as its settings say."""

from objectcrop.study.settings.datasets import (
    Ade20kDataset,
    CocoDataset,
    Dataset,
    DrawnDataset,
    FolderDataset,
    ImageFoldersDataset,
    OpenImagesDataset,
    PreparedDataset,
    UnionDataset,
    VocDataset,
)
from objectcrop.study.settings.downloads import Download
from objectcrop.study.settings.fine_grained import AircraftDataset, CarsDataset, CubDataset
from objectcrop.study.settings.subsets import OhmsDataset, ReleasedOhmsDataset
from objectcrop.study.study import Study

Splits = frozenset[str]
ALL: Splits = frozenset({"train", "validation", "test"})
"""Of a data set that is not known: no check must miss one."""


def splits_of(study: Study, name: str) -> Splits:
    """Return the splits that a data set has; all, if it or one that it is made from is not known or names itself."""
    return _splits(study, name, frozenset())


def has_labels(study: Study, name: str) -> bool:
    """Return whether a data set has annotations; one that is not known counts as if."""
    dataset = study.datasets.get(name)
    if isinstance(dataset, UnionDataset):
        return any(has_labels(study, part) for part in dataset.parts if part != name)
    if isinstance(dataset, PreparedDataset):
        return dataset.of == name or has_labels(study, dataset.of)
    return not isinstance(dataset, FolderDataset)


def most_training_images(study: Study, name: str) -> int | None:
    """Return how many training images a data set has at most; None where only its files tell."""
    match study.datasets.get(name):
        case DrawnDataset(num_train=count):
            return count
        case PreparedDataset(of=base) if base != name:
            return most_training_images(study, base)
        case OpenImagesDataset(download=Download(max_images=limits)):
            return limits.get("train")
        case OhmsDataset(of=base, max_train_images=limit):
            # of a download all images that the rules keep are fetched, whatever its own limit
            drawn = study.datasets.get(base)
            counts = [drawn.num_train if isinstance(drawn, DrawnDataset) else None, limit]
            return min((count for count in counts if count is not None), default=None)
    return None


def _splits(study: Study, name: str, seen: frozenset[str]) -> Splits:
    dataset = study.datasets.get(name)
    if dataset is None or name in seen:
        return ALL
    seen = seen | {name}
    match dataset:
        case UnionDataset():
            return frozenset().union(*(_splits(study, part, seen) for part in dataset.parts))
        case OhmsDataset() | PreparedDataset():
            return _splits(study, dataset.of, seen)
        case ReleasedOhmsDataset():
            return frozenset({"train"} if dataset.test_labels is None else {"train", "test"})
    return _own_splits(dataset)


def _own_splits(dataset: Dataset) -> Splits:
    match dataset:
        case DrawnDataset():
            counts = {"train": dataset.num_train, "validation": dataset.num_validation, "test": dataset.num_test}
            return frozenset(split for split, count in counts.items() if count)
        case OpenImagesDataset() | CocoDataset() | ImageFoldersDataset():
            return frozenset(dataset.images)
        case VocDataset():
            return frozenset(split for split, parts in dataset.parts.items() if parts)
        case Ade20kDataset():
            return frozenset(dataset.parts)
        case AircraftDataset():
            return frozenset(dataset.image_sets)
        case CubDataset() | CarsDataset():
            return frozenset({"train", "test"})
        case FolderDataset():
            return frozenset({"train"})
    return ALL
