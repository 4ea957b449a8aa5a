"""Score the regions of one shard of the pairs of images against each other by probabilistic Hough matching."""

from collections.abc import Sequence
from functools import lru_cache

from objectcrop.runtime.command import run
from objectcrop.study.jobs.lod import LodJob
from workflow_scripts.arguments import job_parser

IMAGES_AT_A_TIME = 1000
"""Whose features are in memory, 0.8 MB each with 200 regions of 512 numbers."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, LodJob, ["features", "shard"])
    parser.add_input("neighbours", "npz with the pairs")
    parser.add_output("out", "npz to write")
    args = parser.parse_args(argv)
    job = LodJob.parse(args.settings)
    made = parser.begin("score_pairs", args)

    import numpy as np

    from objectcrop.boxes import Size
    from objectcrop.proposals.lod.ranking.hough import RegionSet, confidence, greatest_entries, region_set
    from objectcrop.proposals.lod.ranking.score_shards import write_scores
    from objectcrop.proposals.lod.regions.feature_shards import FeatureShards
    from objectcrop.proposals.lod.shards import part_of, stored_array
    from objectcrop.runtime.progress import Progress

    lod = job.lod
    images = FeatureShards(args.features)
    sizes = images.images("sizes", 0, len(images))
    # pairs are sorted by their first image: a run of them needs few of the features at a time
    every_pair = stored_array(args.neighbours, "pairs", rule="find_neighbours")
    pairs = every_pair.read(*part_of(len(every_pair), lod.score_shards, args.shard))

    @lru_cache(maxsize=IMAGES_AT_A_TIME)
    def regions_of(image: int) -> RegionSet:
        boxes, features = (images.regions(name, image) for name in ("boxes", "features"))
        size = Size(*sizes[image].tolist())
        return region_set(boxes.astype(np.int64), size, features.astype(np.float32))

    blocks = []
    label = f"LOD scores, shard {args.shard} of {lod.score_shards}"
    with Progress(label, total=len(pairs), unit="pairs") as progress:
        for first, second in pairs.tolist():
            blocks.append(greatest_entries(confidence(regions_of(first), regions_of(second)), lod.max_scores_per_pair))
            progress.advance()
    write_scores(args.out, pairs, blocks, halved=lod.score_precision == "float16")
    made.finish()


if __name__ == "__main__":
    run(main)
