"""Find the nearest images of every image, and the pairs of images that LOD scores."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "lod"')
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="npz of every shard, in order")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs: 0 or 1")
    parser.add_argument("--out", type=Path, required=True, help="npz to write")
    args = parser.parse_args(argv)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        find(args)


def find(args: argparse.Namespace) -> None:
    import numpy as np
    import torch

    from objectcrop.proposals.lod.ranking.neighbours import find_neighbours, pairs_to_score
    from objectcrop.proposals.lod.regions.feature_shards import Descriptors, FeatureShards
    from objectcrop.proposals.lod.shards import write_arrays
    from objectcrop.runtime.progress import Progress
    from objectcrop.study.settings.proposals import LodProposals
    from objectcrop.study.settings.section import parse_settings

    lod = LodProposals.model_validate(parse_settings(args.settings)["lod"])
    images = FeatureShards(args.features)
    found = find_neighbours(
        Descriptors(images),
        lod.num_neighbours,
        device=torch.device("cuda") if args.gpus else None,
        progress=Progress("LOD neighbours", total=len(images), unit="images"),
    )
    pairs = pairs_to_score(found.indices)
    write_arrays(
        args.out,
        image_ids=np.array(images.image_ids, dtype=np.str_),
        neighbours=found.indices,
        similarities=found.similarities,
        pairs=pairs,
    )
    print(f"{len(images)} images, {len(pairs)} pairs to score")


if __name__ == "__main__":
    run(main)
