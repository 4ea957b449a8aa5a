"""The files of a large collection as the rules of LOD meet them, drawn at random.

python draw_collection.py FOLDER IMAGES [REGIONS [SHARDS]] writes manifest.parquet, annotations.parquet (8 boxes an image, as
Open Images has), features/SHARD.npz, scores/SHARD.npz and ranking.npz, in the shape of presets/openimages_full.yaml but for
the numbers of a region, of which there are 8: no job measured here holds those of more than a thousand images. Scores, in
one shard for 166 images, are those of 4 pairs an image, so that they are soon sorted; large.npz is one shard of them as
large as there. Four images exist, spread evenly, and weights of a ResNet-50 to encode them.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from objectcrop.codes import starts
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.proposals.lod.blocks import block_checksums
from objectcrop.proposals.lod.shards import write_arrays
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.tables import ANNOTATIONS, MANIFEST, write_table

SIDE_PX, FILE_SIDE_PX = 512, 1024
NUM_FILES = 4
BACKBONE = {"arch": "resnet50"}
DESCRIPTOR_DIMS, REGION_DIMS, BOXES_PER_IMAGE = 256, 8, 8
FEW_PAIRS, MANY_PAIRS, SCORES_PER_PAIR = 4, 38, 100
"""Of an image; many: 50 neighbours, of which about half are mutual."""
IMAGES_PER_SHARD, IMAGES_OF_LARGE_SHARD = 166, 1660
"""Of scores; large: 1.7 million images in 1024 shards."""


def names_of(num_images: int) -> list[str]:
    """16 hexadecimal digits, as Open Images has them."""
    return [f"{number * 2654435761 % 2**64:016x}" for number in range(num_images)]


def write_manifest(folder: Path, names: list[str]) -> None:
    paths = [f"openimages/train/{name}.jpg" for name in names]
    rows = {"image_id": names, "path": paths, "width_px": FILE_SIDE_PX, "height_px": FILE_SIDE_PX, "num_bytes": 300_000}
    write_table(pd.DataFrame(rows).assign(split="train", digest=""), folder / "manifest.parquet", MANIFEST)
    (folder / "openimages/train").mkdir(parents=True)
    rng = np.random.default_rng(2)
    for path in paths[:: len(paths) // NUM_FILES]:
        noise = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        noise.resize((FILE_SIDE_PX, FILE_SIDE_PX), Image.Resampling.BICUBIC).save(folder / path)


def write_backbone(path: Path) -> None:
    with seeded_weights(0):
        save_backbone(build_backbone(BackboneSettings.model_validate(BACKBONE)), path, {})


def corners(rng: np.random.Generator, count: int) -> np.ndarray:
    """Boxes of sides spread evenly in octaves, within a square of side 1."""
    sides = np.exp(rng.uniform(np.log(0.05), np.log(0.9), (count, 2)))
    low = rng.random((count, 2)) * (1 - sides)
    return np.concatenate([low, low + sides], axis=1)


def write_annotations(folder: Path, names: list[str]) -> None:
    boxes = corners(np.random.default_rng(0), BOXES_PER_IMAGE * len(names))
    rows = pd.DataFrame(boxes, columns=["x1", "y1", "x2", "y2"])
    rows["image_id"] = pd.Categorical.from_codes(
        np.repeat(np.arange(len(names)), BOXES_PER_IMAGE), dtype=pd.CategoricalDtype(pd.Index(names, dtype="str"))
    )
    flags = {"is_group_of": False, "is_crowd": False, "is_depiction": False}
    text = {"class_id": "/m/0", "source": "verification", "split": "train"}
    write_table(rows.assign(**flags, **text), folder / "annotations.parquet", ANNOTATIONS)


def write_features(path: Path, names: list[str], num_regions: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    total = num_regions * len(names)
    descriptors = rng.random((len(names), DESCRIPTOR_DIMS), dtype=np.float32)
    of_regions = {
        "boxes": (SIDE_PX * corners(rng, total)).astype(np.int32),
        "roots": rng.integers(1, 1000, total, dtype=np.int32),
        "layers": rng.integers(0, 2, total, dtype=np.int8),
        "features": np.full((total, REGION_DIMS), 0.1, dtype=np.float16),
    }
    counts = np.full(len(names), num_regions, dtype=np.int64)
    write_arrays(
        path,
        image_ids=np.array(names, dtype=np.str_),
        sizes=np.full((len(names), 2), SIDE_PX, dtype=np.int32),
        counts=counts,
        descriptors=descriptors,
        **of_regions,
        precision=np.array(["float32"]),
        checksums=block_checksums(of_regions, starts(counts)),
    )


def score_shards(folder: Path, num_images: int) -> list[Path]:
    """The files of scores, in order."""
    return [folder / f"scores/{shard}.npz" for shard in range(-(-num_images // IMAGES_PER_SHARD))]


def followers(images: range, num_pairs: int, num_images: int) -> NDArray[np.int64]:
    """Pairs of each of these images with those that follow it."""
    first = np.repeat(np.arange(images.start, images.stop), num_pairs)
    second = first + np.tile(np.arange(1, num_pairs + 1), len(images))
    return np.stack([first, second], axis=1)[second < num_images]


def write_scores(path: Path, pairs: NDArray[np.int64], scores_per_pair: int, num_regions: int) -> None:
    """Random scores of pairs, shape (pairs, 2), of images that have as many regions each."""
    rng = np.random.default_rng(len(pairs))
    total = scores_per_pair * len(pairs)
    write_arrays(
        path,
        pairs=pairs,
        counts=np.full(len(pairs), scores_per_pair),
        rows=rng.integers(num_regions, size=total, dtype=np.uint16),
        columns=rng.integers(num_regions, size=total, dtype=np.uint16),
        values=rng.random(total, dtype=np.float32).astype(np.float16),
        scales=np.ones(len(pairs), dtype=np.float32),
    )


def write_ranking(path: Path, names: list[str], num_regions: int) -> None:
    scores = np.random.default_rng(1).random(num_regions * len(names))
    offsets = starts(np.full(len(names), num_regions))
    write_arrays(path, image_ids=np.array(names), offsets=offsets, scores=scores, degrees=scores)


def main(folder: Path, num_images: int, num_regions: int = 200, num_shards: int = 4) -> None:
    names = names_of(num_images)
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, names)
    write_annotations(folder, names)
    write_backbone(folder / "backbone.safetensors")
    for shard in range(num_shards):
        write_features(folder / f"features/{shard}.npz", names[shard::num_shards], num_regions, shard)
    for shard, path in enumerate(score_shards(folder, num_images)):
        own = range(num_images)[shard * IMAGES_PER_SHARD : (shard + 1) * IMAGES_PER_SHARD]
        write_scores(path, followers(own, FEW_PAIRS, num_images), SCORES_PER_PAIR, num_regions)
    large = range(min(IMAGES_OF_LARGE_SHARD, num_images))
    write_scores(folder / "large.npz", followers(large, MANY_PAIRS, num_images), SCORES_PER_PAIR, num_regions)
    write_ranking(folder / "ranking.npz", names, num_regions)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(number) for number in sys.argv[2:]))
