"""Join the proposals of all shards of a searched source: the proposals table and its summary."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.proposals import SourceJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SourceJob, ["manifest", "run-summary"])
    parser.add_input("shards", "PROPOSALS of every shard", nargs="+")
    parser.add_output("out", "PROPOSALS to write")
    parser.add_output("summary", "JSON to write")
    args = parser.parse_args(argv)
    job = SourceJob.parse(args.settings)
    made = parser.begin("join_proposals", args)

    from objectcrop.proposals.sources.without_search import origin
    from objectcrop.proposals.table import describe_features, join_tables, training_sizes, write_proposals
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.study.settings.proposals import FeatureProposals
    from objectcrop.tables import MANIFEST, PROPOSALS, read_note, read_table

    sizes = training_sizes(read_table(args.manifest, MANIFEST))
    if isinstance(job.source, FeatureProposals):
        features = describe_features(job.source, [read_json(path) for path in args.run_summary]) + ", normalised cuts"
    else:
        features = origin(job.source)
    proposals = join_tables([read_table(path, PROPOSALS) for path in args.shards], sizes)
    summary = write_proposals(args.out, proposals, len(sizes), features=features)
    precisions = sorted({note for path in args.shards if (note := read_note(path, "precision")) is not None})
    write_json(args.summary, {**summary, "settings": job.values(), "precision": "+".join(precisions) or "none"})
    print(f"{summary['num_boxes']} boxes in {summary['num_images']} images, {summary['num_images_without']} without")
    made.finish()


if __name__ == "__main__":
    run(main)
