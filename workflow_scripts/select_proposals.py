"""Select each image's best regions by LOD's ranking or by row sums of W: the proposals table and its summary."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "source_name", "lod", "rank_by"')
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the data set")
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="npz of every shard, in order")
    parser.add_argument("--ranking", type=Path, required=True, help="npz with the score of every region")
    parser.add_argument("--run-summary", type=Path, nargs="*", default=[], help="summary.json of the trunk's run")
    parser.add_argument("--out", type=Path, required=True, help="PROPOSALS to write")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)

    from objectcrop.lod.shards import join_features, read_arrays
    from objectcrop.lod.table import describe_features, proposals_table, select_lod, summarise, training_sizes
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.study.proposals import LodProposals
    from objectcrop.study.section import parse_settings
    from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table

    settings = parse_settings(args.settings)
    lod = LodProposals.model_validate(settings["lod"])
    images = join_features(args.features, "sizes", "boxes", "roots", "layers")
    by_degree = settings["rank_by"] == "degree"
    offsets, scores = read_arrays(args.ranking, "offsets", "degrees" if by_degree else "scores")
    sizes = training_sizes(read_table(args.manifest, MANIFEST))
    table = proposals_table(select_lod(images, scores, offsets, sizes, lod))
    write_table(table, args.out, PROPOSALS)
    features = describe_features(lod, [read_json(path) for path in args.run_summary]) + (
        ", ranked by row sums" if by_degree else ""
    )
    summary = summarise(table, sizes, features=features)
    write_json(args.summary, {**summary, "settings": settings})
    print(f"{summary['num_boxes']} boxes in {summary['num_images']} images, {summary['num_images_without']} without")


if __name__ == "__main__":
    run(main)
