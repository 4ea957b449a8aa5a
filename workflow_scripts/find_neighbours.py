"""Find the nearest images of every image, and the pairs of images that LOD scores."""

import argparse
from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.lod import LodJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, LodJob, ["features", "gpus"])
    parser.add_output("out", "npz to write")
    args = parser.parse_args(argv)
    job = LodJob.parse(args.settings)
    made = parser.begin("find_neighbours", args)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        find(job, args)
    made.finish()


def find(job: LodJob, args: argparse.Namespace) -> None:
    import numpy as np
    import torch

    from objectcrop.proposals.lod.ranking.neighbours import find_neighbours, pairs_to_score
    from objectcrop.proposals.lod.regions.feature_shards import Descriptors, FeatureShards
    from objectcrop.proposals.lod.shards import write_arrays
    from objectcrop.runtime.progress import Progress

    images = FeatureShards(args.features)
    neighbours = find_neighbours(
        Descriptors(images),
        job.lod.num_neighbours,
        device=torch.device("cuda") if args.gpus else None,
        progress=Progress("LOD neighbours", total=len(images), unit="images"),
    )
    pairs = pairs_to_score(neighbours.indices)
    write_arrays(
        args.out,
        image_ids=np.array(images.image_ids, dtype=np.str_),
        neighbours=neighbours.indices,
        similarities=neighbours.similarities,
        pairs=pairs,
    )
    print(f"{len(images)} images, {len(pairs)} pairs to score")


if __name__ == "__main__":
    run(main)
