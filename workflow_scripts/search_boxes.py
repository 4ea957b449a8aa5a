"""Search the images of one shard of a data set's training images for objects, one by one."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "source_name", "source", "backbone", "study_seed"')
    parser.add_argument("--data-root", type=Path, required=True, help="folder that images and model files are in")
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the data set")
    parser.add_argument("--backbone", type=Path, nargs="*", default=[], help="weights of the trunk, for maskcut")
    parser.add_argument("--shard", type=int, required=True, help="which shard, from 0")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs: 0 or 1, for maskcut")
    parser.add_argument("--out", type=Path, required=True, help="PROPOSALS of the shard to write")
    args = parser.parse_args(argv)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(args.gpus):
        search_here(args)


def search_here(args: argparse.Namespace) -> None:
    import cv2
    import torch

    from objectcrop.data.images import decode_image
    from objectcrop.proposals.sources.maskcut import mask_cut
    from objectcrop.proposals.sources.searches import find_boxes, make_search
    from objectcrop.proposals.sources.without_search import parse_source
    from objectcrop.proposals.table import proposals_table
    from objectcrop.runtime.progress import Progress
    from objectcrop.runtime.randomness import generator
    from objectcrop.study.settings.proposals import MaskCutProposals, SearchedProposals
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table
    from workflow_scripts.trunks import open_trunk

    cv2.setNumThreads(args.threads)
    settings = parse_settings(args.settings)
    source = parse_source(settings["source"])
    if not isinstance(source, SearchedProposals):
        raise ValueError(f"proposals of kind {source.kind} are not made by a search of each image")
    notes = {}
    if isinstance(source, MaskCutProposals):
        torch.set_num_threads(args.threads)
        layers = {"layers": (source.layer,), "descriptor_layer": source.layer}
        trunk = open_trunk(source, settings["backbone"], args.backbone, use_gpu=bool(args.gpus), **layers)
        search, notes = mask_cut(trunk, source), {"precision": trunk.precision}
    else:
        search = make_search(source, args.data_root)
    manifest = read_table(args.manifest, MANIFEST)
    rows = manifest[manifest["split"] == "train"].iloc[args.shard :: source.num_shards]
    found = []
    with Progress(
        f"{source.kind}, shard {args.shard} of {source.num_shards}", total=len(rows), unit="images"
    ) as progress:
        for image_id, path in zip(rows["image_id"], rows["path"], strict=True):
            rng = generator(settings["study_seed"], f"proposals.{source.kind}", image_id)
            found.append(find_boxes(search, decode_image(args.data_root / path), source, image_id, rng))
            progress.advance(1, boxes=len(found[-1].boxes))
    write_table(proposals_table(found), args.out, PROPOSALS, notes)


if __name__ == "__main__":
    run(main)
