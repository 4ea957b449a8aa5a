"""Find the nearest images of every image, and the pairs of images that LOD scores."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "lod"')
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="npz of every shard, in order")
    parser.add_argument("--out", type=Path, required=True, help="npz to write")
    args = parser.parse_args(argv)

    import numpy as np

    from objectcrop.lod.neighbours import find_neighbours, pairs_to_score
    from objectcrop.lod.shards import join_features, write_arrays
    from objectcrop.study.proposals import LodProposals
    from objectcrop.study.section import parse_settings

    lod = LodProposals.model_validate(parse_settings(args.settings)["lod"])
    images = join_features(args.features, "descriptors")
    descriptors = np.array(images.by_name["descriptors"], dtype=np.float32).reshape(len(images.image_ids), -1)
    found = find_neighbours(descriptors, lod.num_neighbours)
    pairs = pairs_to_score(found.indices)
    write_arrays(
        args.out,
        image_ids=np.array(images.image_ids, dtype=np.str_),
        neighbours=found.indices,
        similarities=found.similarities,
        pairs=pairs,
    )
    print(f"{len(images.image_ids)} images, {len(pairs)} pairs to score")


if __name__ == "__main__":
    run(main)
