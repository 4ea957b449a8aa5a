"""Take the features of one shard of a data set's training images for LOD: descriptors, regions, features of regions."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "lod", "backbone", "study_seed"')
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the manifest's paths start from")
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the data set")
    parser.add_argument("--backbone", type=Path, nargs="*", default=[], help="weights of the trunk")
    parser.add_argument("--shard", type=int, required=True, help="which shard, from 0")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs: 0 or 1")
    parser.add_argument("--out", type=Path, required=True, help="npz to write")
    args = parser.parse_args(argv)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        extract(args)


def extract(args: argparse.Namespace) -> None:
    import torch

    from objectcrop.data.images import decode_image
    from objectcrop.proposals.lod.regions.extraction import Extractor
    from objectcrop.proposals.lod.regions.feature_shards import writing_features
    from objectcrop.runtime.progress import Progress
    from objectcrop.study.settings.proposals import LodProposals
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import MANIFEST, read_table
    from workflow_scripts.trunks import open_trunk

    torch.set_num_threads(args.threads)
    settings = parse_settings(args.settings)
    lod = LodProposals.model_validate(settings["lod"])
    trunk = open_trunk(
        lod,
        settings["backbone"],
        args.backbone,
        layers=lod.layers,
        descriptor_layer=lod.descriptor_layer,
        use_gpu=bool(args.gpus),
    )
    extractor = Extractor(trunk, lod, settings["study_seed"])
    manifest = read_table(args.manifest, MANIFEST)
    rows = manifest[manifest["split"] == "train"].iloc[args.shard :: lod.num_shards]
    label = f"LOD features, shard {args.shard} of {lod.num_shards}"
    with (
        writing_features(args.out, exact=lod.projection_dims is None, precision=trunk.precision) as writer,
        Progress(label, total=len(rows), unit="images") as progress,
    ):
        for image_id, path in zip(rows["image_id"], rows["path"], strict=True):
            image = extractor.describe(decode_image(args.data_root / path), image_id)
            writer.add(image_id, image)
            progress.advance(1, regions=len(image.regions.boxes))


if __name__ == "__main__":
    run(main)
