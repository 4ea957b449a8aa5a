"""Search the images of one shard of a data set's training images for objects, one by one."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.proposals import SourceJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SourceJob, ["data-root", "manifest", "backbone", "shard", "threads", "gpus"])
    parser.add_argument("--out", type=Path, required=True, help="PROPOSALS of the shard to write")
    args = parser.parse_args(argv)
    job = SourceJob.parse(args.settings)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        search_here(job, args)


def search_here(job: SourceJob, args: argparse.Namespace) -> None:
    import cv2
    import torch

    from objectcrop.data.images import decode_image
    from objectcrop.proposals.sources.maskcut import mask_cut
    from objectcrop.proposals.sources.searches import find_boxes, make_search
    from objectcrop.proposals.table import proposals_table
    from objectcrop.runtime.progress import Progress
    from objectcrop.runtime.randomness import generator
    from objectcrop.study.settings.proposals import MaskCutProposals, SearchedProposals
    from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table
    from workflow_scripts.trunks import open_trunk

    cv2.setNumThreads(args.threads)
    source = job.source
    if not isinstance(source, SearchedProposals):
        raise ValueError(f"proposals of kind {source.kind} are not made by a search of each image")
    notes = {}
    if isinstance(source, MaskCutProposals):
        torch.set_num_threads(args.threads)
        trunk = open_trunk(
            source,
            job.backbone,
            args.backbone,
            layers=(source.layer,),
            descriptor_layer=source.layer,
            use_gpu=bool(args.gpus),
        )
        search, notes = mask_cut(trunk, source), {"precision": trunk.precision}
    else:
        search = make_search(source, args.data_root)
    manifest = read_table(args.manifest, MANIFEST)
    rows = manifest[manifest["split"] == "train"].iloc[args.shard :: source.num_shards]
    proposals = []
    with Progress(
        f"{source.kind}, shard {args.shard} of {source.num_shards}", total=len(rows), unit="images"
    ) as progress:
        for image_id, path in zip(rows["image_id"], rows["path"], strict=True):
            rng = generator(job.study_seed, f"proposals.{source.kind}", image_id)
            proposals.append(find_boxes(search, decode_image(args.data_root / path), source, image_id, rng))
            progress.advance(1, boxes=len(proposals[-1].boxes))
    write_table(proposals_table(proposals), args.out, PROPOSALS, notes)


if __name__ == "__main__":
    run(main)
