"""Tables of proposals: from boxes per image to rows, and the counts that go with them."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectcrop.boxes import CORNERS, Boxes, Size, are_usable, area, as_boxes, clip
from objectcrop.codes import starts, text_codes
from objectcrop.study.settings.proposals import FeatureProposals
from objectcrop.tables import PROPOSALS, empty_table, writing_table

BOXES_AT_A_TIME = 1 << 19
"""Boxes that are in memory while a table is written, about 250 bytes each."""

TARGET_CROP_SHARE = 0.2
"""Crops of objects should cover about as much of the image as scene crops of the least scale do."""
LARGEST_SCALE = 0.9


class ImageProposals(NamedTuple):
    """The boxes of one image, best first, half-open pixels of the decoded image."""

    image_id: str
    size: Size
    boxes: Boxes
    scores: NDArray[np.float64]


def usable(proposals: ImageProposals) -> ImageProposals:
    """Return the same, cut at the border and without boxes too small to crop from."""
    boxes = clip(proposals.boxes, proposals.size)
    kept = are_usable(boxes, proposals.size)
    return ImageProposals(proposals.image_id, proposals.size, boxes[kept], proposals.scores[kept])


def proposals_table(images: Iterable[ImageProposals]) -> pd.DataFrame:
    """Return rows of PROPOSALS, ranked from 0 in each image."""
    kept = [image for image in images if len(image.boxes)]
    if not kept:
        return empty_table(PROPOSALS)
    table = pd.DataFrame(np.concatenate([image.boxes for image in kept]), columns=CORNERS)
    counts = [len(image.boxes) for image in kept]
    return table.assign(
        image_id=pd.Series([image.image_id for image in kept], dtype="str").repeat(counts).array,
        rank=np.concatenate([np.arange(count) for count in counts]),
        score=np.concatenate([image.scores for image in kept]),
    )


def write_proposals(
    path: str | Path, images: Iterable[ImageProposals], num_images: int, *, features: str
) -> dict[str, Any]:
    """Write PROPOSALS, a part of the images in memory at a time, and count them for its JSON.

    `object_scale_min` is min(0.9, 0.2 / mean area share): a crop of that share of a box covers, on average, as much of the
    image as the smallest scene crop; 0.2 where there are no boxes, since views then fall back on the whole image.

    Args:
        path: the table.
        images: in any order, each once.
        num_images: that were to get proposals.
        features: in words, what the proposals were made from.

    Returns:
        What summaries hold.
    """
    shares, num_with = array("d"), 0  # 8 bytes a box
    with writing_table(path, PROPOSALS) as write:
        for part in _parts(images):
            write(proposals_table(part))
            for image in part:
                shares.frombytes((area(image.boxes) / (image.size.width * image.size.height)).tobytes())
                num_with += len(image.boxes) > 0
    share = float(np.mean(np.frombuffer(shares))) if shares else None
    return {
        "num_images": num_images,
        "num_images_without": num_images - num_with,
        "num_boxes": len(shares),
        "mean_boxes": len(shares) / max(num_images, 1),
        "mean_area_share": share,
        "object_scale_min": TARGET_CROP_SHARE if share is None else min(LARGEST_SCALE, TARGET_CROP_SHARE / share),
        "features": features,
    }


def _parts(images: Iterable[ImageProposals]) -> Iterator[list[ImageProposals]]:
    """Yield runs of images with about BOXES_AT_A_TIME boxes together."""
    part, num_boxes = [], 0
    for image in images:
        part.append(image)
        num_boxes += 1 + len(image.boxes)
        if num_boxes >= BOXES_AT_A_TIME:
            yield part
            part, num_boxes = [], 0
    if part:
        yield part


class BoxTable(Mapping[str, Boxes]):
    """Boxes of images by name: arrays over all of them, and no object for each image.

    Images come in the order in which the rows first name them, boxes in that of the rows.

    Args:
        names: of the images, one for each row; text.
        corners: columns x1, y1, x2, y2, one row each.
    """

    def __init__(self, names: pd.Series, corners: pd.DataFrame) -> None:
        codes, values = text_codes(names)
        self._order = np.argsort(codes, kind="stable").astype(np.int32)
        self._corners = corners[CORNERS].to_numpy()
        self._starts = starts(np.bincount(codes, minlength=len(values)))
        first = np.full(len(values), len(codes))
        filled = np.flatnonzero(np.diff(self._starts))
        first[filled] = self._order[self._starts[filled]]
        self._codes = {str(values[code]): int(code) for code in filled[np.argsort(first[filled], kind="stable")]}

    def __len__(self) -> int:
        """Images that have boxes."""
        return len(self._codes)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._codes)

    def __getitem__(self, name: str) -> Boxes:
        """Boxes of an image, shape (n, 4)."""
        return as_boxes(self._corners[self.rows(name)])

    def rows(self, name: str) -> NDArray[np.int32]:
        """Which rows they are."""
        code = self._codes[name]
        return self._order[self._starts[code] : self._starts[code + 1]]


def boxes_by_image(table: pd.DataFrame) -> BoxTable:
    """Boxes of a proposals table by image, best first."""
    order = np.argsort(table["rank"].to_numpy(), kind="stable")
    return BoxTable(table["image_id"].iloc[order], table[CORNERS].iloc[order])


def join_tables(parts: Sequence[pd.DataFrame], sizes: dict[str, Size]) -> Iterator[ImageProposals]:
    """The images of all shards, in the order of `sizes`, whatever the number of shards."""
    boxes = [boxes_by_image(part) for part in parts]
    scores = [part["score"].to_numpy()[np.argsort(part["rank"].to_numpy(), kind="stable")] for part in parts]
    shard_of = {image_id: shard for shard, own in enumerate(boxes) for image_id in own}
    for image_id, size in sizes.items():
        if (shard := shard_of.get(image_id)) is not None:
            own = boxes[shard]
            yield ImageProposals(image_id, size, own[image_id], scores[shard][own.rows(image_id)])


def training_shard(manifest: pd.DataFrame, shard: int, num_shards: int) -> list[tuple[str, str]]:
    """Return ids and paths of the training images of one of `num_shards` shards, which take turns along the manifest."""
    rows = manifest[manifest["split"] == "train"].iloc[shard::num_shards]
    return list(zip(rows["image_id"], rows["path"], strict=True))


def training_sizes(manifest: pd.DataFrame) -> dict[str, Size]:
    """Size of every image of the training split, in the order of the manifest."""
    train = manifest[manifest["split"] == "train"]
    columns = zip(train["image_id"], train["width_px"], train["height_px"], strict=True)
    return {str(image_id): Size(int(width), int(height)) for image_id, width, height in columns}


def describe_features(source: FeatureProposals, run_summaries: Sequence[dict[str, Any]]) -> str:
    """What features proposals come from, in words.

    Args:
        source: its settings.
        run_summaries: the summary of the run that trained the trunk, if one of the study did.
    """
    if source.trunk is not None:
        return f"{source.trunk.arch} from {source.trunk.weights or 'its package'}: {source.trunk.trained_with}"
    (summary,) = run_summaries
    return f"{summary['features']} features of run {summary['run']}, seed {summary['seed']}"
