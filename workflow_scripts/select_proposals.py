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

    from objectcrop.proposals.lod.regions.feature_shards import FeatureShards
    from objectcrop.proposals.lod.select import select_lod
    from objectcrop.proposals.lod.shards import stored_array
    from objectcrop.proposals.table import describe_features, training_sizes, write_proposals
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.study.settings.proposals import LodProposals
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import MANIFEST, read_table

    settings = parse_settings(args.settings)
    lod = LodProposals.model_validate(settings["lod"])
    by_degree = settings["rank_by"] == "degree"
    ranking = stored_array(args.ranking, "degrees" if by_degree else "scores")
    sizes = training_sizes(read_table(args.manifest, MANIFEST))
    features = describe_features(lod, [read_json(path) for path in args.run_summary]) + (
        ", ranked by row sums" if by_degree else ""
    )
    shards = FeatureShards(args.features)
    found = select_lod(shards, ranking, sizes, lod)
    summary = write_proposals(args.out, found, len(sizes), features=features)
    write_json(args.summary, {**summary, "settings": settings, "precision": shards.precision})
    print(f"{summary['num_boxes']} boxes in {summary['num_images']} images, {summary['num_images_without']} without")


if __name__ == "__main__":
    run(main)
