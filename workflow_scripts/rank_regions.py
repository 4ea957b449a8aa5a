"""Rank all regions of all images by LOD: the best regions of a quadratic programme seed a personalised PageRank."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.lod import LodJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, LodJob, ["features", "code"])
    parser.add_input("scores", "npz of every shard of scores", nargs="+")
    parser.add_argument("--processes", type=int, default=1, help="processes; more than one starts torchrun")
    parser.add_argument("--state", type=Path, required=True, help="folder of the rows and of the state while it runs")
    parser.add_output("out", "npz to write")
    args = parser.parse_args(argv)
    job = LodJob.parse(args.settings)
    made = parser.begin("rank_regions", args)

    from objectcrop.runtime.launch import launch

    launch("workflow_scripts.rank_regions", argv, args.processes, partial(rank_here, job, args))
    made.finish()


def rank_here(job: LodJob, args: argparse.Namespace) -> None:
    import torch

    from objectcrop.identity.finished import Finished
    from objectcrop.proposals.lod.ranking.from_files import ScoreFiles, rank_from_files, ranking_origin, write_ranking
    from objectcrop.proposals.lod.ranking.journal import close_folder
    from objectcrop.proposals.lod.regions.feature_shards import FeatureShards
    from objectcrop.runtime.distributed import join_world
    from objectcrop.runtime.signals import stop_requests

    torch.set_num_threads(1)
    images = FeatureShards(args.features)
    scores = ScoreFiles(args.scores, images.offsets, images.image_ids)
    origin = ranking_origin(scores, job.lod, args.code)
    finished = Finished(args.state, origin, {"ranking.npz": args.out})
    if finished.restore():
        return
    finished.set_aside()
    with stop_requests() as stop, join_world(0) as world:
        ranked = rank_from_files(scores, job.lod, args.state, world, stop)
    if not world.is_first:
        return
    write_ranking(args.out, ranked, images.image_ids, images.offsets)
    finished.keep()
    close_folder(args.state)
    final, quadratic = ranked.ranking
    steps = f"Q {quadratic.iterations}, walk {final.iterations} (last step {final.last_change:.2g})"
    print(f"{images.offsets[-1]} regions; iterations: {steps}")


if __name__ == "__main__":
    run(main)
