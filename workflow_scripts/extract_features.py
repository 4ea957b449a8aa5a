"""Take the features of one shard of a data set's training images for LOD: descriptors, regions, features of regions."""

import argparse
from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.proposals import ExtractFeaturesJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, ExtractFeaturesJob, ["data-root", "manifest", "backbone", "shard", "threads", "gpus"])
    parser.add_output("out", "npz to write")
    args = parser.parse_args(argv)
    job = ExtractFeaturesJob.parse(args.settings)
    made = parser.begin("extract_features", args)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        extract(job, args)
    made.finish()


def extract(job: ExtractFeaturesJob, args: argparse.Namespace) -> None:
    import torch

    from objectcrop.data.images import decode_image
    from objectcrop.proposals.lod.regions.extraction import Extractor
    from objectcrop.proposals.lod.regions.feature_shards import writing_features
    from objectcrop.proposals.table import training_shard
    from objectcrop.runtime.progress import Progress
    from objectcrop.tables import MANIFEST, read_table
    from workflow_scripts.trunks import open_trunk

    torch.set_num_threads(args.threads)
    lod = job.lod
    trunk = open_trunk(
        lod,
        job.backbone,
        args.backbone,
        layers=lod.layers,
        descriptor_layer=lod.descriptor_layer,
        use_gpu=bool(args.gpus),
    )
    extractor = Extractor(trunk, lod, job.study_seed)
    rows = training_shard(read_table(args.manifest, MANIFEST), args.shard, lod.num_shards)
    label = f"LOD features, shard {args.shard} of {lod.num_shards}"
    with (
        writing_features(args.out, exact=lod.projection_dims is None, precision=trunk.precision) as writer,
        Progress(label, total=len(rows), unit="images") as progress,
    ):
        for image_id, path in rows:
            image = extractor.describe(decode_image(args.data_root / path), image_id)
            writer.add(image_id, image)
            progress.advance(1, regions=len(image.regions.boxes))


if __name__ == "__main__":
    run(main)
