"""Which images a data set needs, and which of them one job fetches."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import OpenImagesDataset, Split
from objectcrop.study.settings.downloads import Download

SUFFIX = ".jpg"
_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class WantedImage:
    """An image to fetch.

    Attributes:
        image_id: its id, which is also its file name without suffix.
        upstream: the split of Open Images that it is in.
        folder: where it goes.
    """

    image_id: str
    upstream: Split
    folder: Path

    @property
    def name(self) -> str:
        """File name."""
        return f"{self.image_id}{SUFFIX}"

    @property
    def path(self) -> Path:
        """File."""
        return self.folder / self.name


@dataclass(frozen=True)
class WantedImages:
    """The images of one job, by split.

    Attributes:
        folders: image folder of each split.
        upstream: split of Open Images of each split.
        image_ids: ids of each split, sorted.
        num_in_all: images of all jobs together.
    """

    folders: dict[Split, Path]
    upstream: dict[Split, Split]
    image_ids: dict[Split, list[str]]
    num_in_all: int

    def __len__(self) -> int:
        return sum(map(len, self.image_ids.values()))

    def images(self, split: Split) -> Iterator[WantedImage]:
        """Yield the images of a split."""
        for image_id in self.image_ids[split]:
            yield WantedImage(image_id, self.upstream[split], self.folders[split])


def chosen_images(annotations: pd.DataFrame, dataset: OpenImagesDataset, download: Download) -> pd.DataFrame:
    """Return the images (image_id, split) of a data set that is used directly: those that have boxes, up to its limits.

    Args:
        annotations: its ANNOTATIONS.
        dataset: whose splits with an image folder count.
        download: the limits, and how to keep to them.

    Raises:
        ValueError: if no image of these splits has boxes.
    """
    pairs = annotations.loc[annotations["split"].isin(list(dataset.images)), ["image_id", "split"]].drop_duplicates()
    if pairs.empty:
        raise ValueError(f"no image of the splits {list(dataset.images)} has boxes")
    pairs = pairs.sort_values(["split", "image_id"], ignore_index=True)
    return pairs[_within_limits(pairs, download)].reset_index(drop=True)


def shard_of(
    images: pd.DataFrame, dataset: OpenImagesDataset, download: Download, root: Path, *, shard: int, name: str
) -> WantedImages:
    """Return the images of one job: every `num_shards`-th of the list sorted by split and id, from the `shard`-th on.

    Args:
        images: image_id and split of all jobs.
        dataset: whose folders they go to.
        download: its num_shards and upstream splits.
        root: the data root.
        shard: 0..num_shards - 1.
        name: of the data set, for messages.

    Raises:
        ValueError: if the shard is out of range, an image is of a split without image folder, or an id is no file name.
    """
    if not 0 <= shard < download.num_shards:
        raise ValueError(f"shard {shard} of datasets.{name}: there are {download.num_shards}, from 0 on")
    rows = images.sort_values(["split", "image_id"], ignore_index=True).iloc[shard :: download.num_shards]
    if without_folder := sorted(set(rows["split"]) - set(dataset.images)):
        raise ValueError(
            f"datasets.{name}: images of the split(s) {without_folder} are wanted, but images names no folder"
        )
    unsafe = [image_id for image_id in rows["image_id"] if _SAFE_ID.fullmatch(image_id) is None]
    if unsafe:
        raise ValueError(f"datasets.{name}: {len(unsafe)} image id(s) cannot be file names, first {unsafe[0]!r}")
    return WantedImages(
        folders={split: root / PurePosixPath(folder) for split, folder in dataset.images.items()},
        upstream={split: download.upstream(split) for split in dataset.images},
        image_ids={split: rows.loc[rows["split"] == split, "image_id"].tolist() for split in dataset.images},
        num_in_all=len(images),
    )


def _within_limits(pairs: pd.DataFrame, download: Download) -> "pd.Series[bool]":
    kept = pd.Series(True, index=pairs.index)
    for split, limit in download.max_images.items():
        rows = pairs.index[pairs["split"] == split].to_numpy()
        if download.sampling == "random":
            rows = generator(download.seed, "sample images", split).permutation(rows)
        kept.loc[rows[limit:]] = False
    return kept
