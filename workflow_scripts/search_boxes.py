"""Search the images of one shard of a data set's training images for objects, one by one."""

import argparse
from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.proposals import SourceJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SourceJob, ["data-root", "manifest", "backbone", "shard", "threads", "gpus"])
    parser.add_output("out", "PROPOSALS of the shard to write")
    args = parser.parse_args(argv)
    job = SourceJob.parse(args.settings)
    made = parser.begin("search_boxes", args)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        search_here(job, args)
    made.finish()


def search_here(job: SourceJob, args: argparse.Namespace) -> None:
    import cv2
    import torch

    from objectcrop.data.images import decode_image
    from objectcrop.proposals.sources.maskcut import mask_cut
    from objectcrop.proposals.sources.searches import make_search, search_images
    from objectcrop.proposals.table import proposals_table, training_shard
    from objectcrop.runtime.progress import Progress
    from objectcrop.study.settings.proposals import MaskCutProposals
    from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table
    from workflow_scripts.trunks import open_trunk

    cv2.setNumThreads(args.threads)
    source = job.searched
    notes = {}
    if isinstance(source, MaskCutProposals):
        torch.set_num_threads(args.threads)
        layer = source.layer
        trunk = open_trunk(
            source, job.backbone, args.backbone, layers=(layer,), descriptor_layer=layer, use_gpu=bool(args.gpus)
        )
        search, notes = mask_cut(trunk, source), {"precision": trunk.precision}
    else:
        search = make_search(source, args.data_root)
    rows = training_shard(read_table(args.manifest, MANIFEST), args.shard, source.num_shards)
    images = ((image_id, decode_image(args.data_root / path)) for image_id, path in rows)
    label = f"{source.kind}, shard {args.shard} of {source.num_shards}"
    with Progress(label, total=len(rows), unit="images") as progress:
        proposals = search_images(search, images, source, job.study_seed, progress)
    write_table(proposals_table(proposals), args.out, PROPOSALS, notes)


if __name__ == "__main__":
    run(main)
