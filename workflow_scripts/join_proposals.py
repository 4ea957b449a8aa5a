"""Join the proposals of all shards of a searched source: the proposals table and its summary."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "source_name", "source"')
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the data set")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="PROPOSALS of every shard")
    parser.add_argument("--run-summary", type=Path, nargs="*", default=[], help="summary.json of the trunk's run")
    parser.add_argument("--out", type=Path, required=True, help="PROPOSALS to write")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)

    from objectcrop.proposals.sources.without_search import origin, parse_source
    from objectcrop.proposals.table import describe_features, join_tables, training_sizes, write_proposals
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.study.settings.proposals import FeatureProposals
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import MANIFEST, PROPOSALS, read_note, read_table

    settings = parse_settings(args.settings)
    sizes = training_sizes(read_table(args.manifest, MANIFEST))
    source = parse_source(settings["source"])
    if isinstance(source, FeatureProposals):
        features = describe_features(source, [read_json(path) for path in args.run_summary]) + ", normalised cuts"
    else:
        features = origin(source)
    found = join_tables([read_table(path, PROPOSALS) for path in args.shards], sizes)
    summary = write_proposals(args.out, found, len(sizes), features=features)
    precisions = sorted({note for path in args.shards if (note := read_note(path, "precision")) is not None})
    write_json(args.summary, {**summary, "settings": settings, "precision": "+".join(precisions) or "none"})
    print(f"{summary['num_boxes']} boxes in {summary['num_images']} images, {summary['num_images_without']} without")


if __name__ == "__main__":
    run(main)
