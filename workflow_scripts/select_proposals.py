"""Select each image's best regions by LOD's ranking or by row sums of W: the proposals table and its summary."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.lod import SelectProposalsJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SelectProposalsJob, ["manifest", "features", "run-summary"])
    parser.add_input("ranking", "npz with the score of every region")
    parser.add_output("out", "PROPOSALS to write")
    parser.add_output("summary", "JSON to write")
    args = parser.parse_args(argv)
    job = SelectProposalsJob.parse(args.settings)
    made = parser.begin("select_proposals", args)

    from objectcrop.proposals.lod.regions.feature_shards import FeatureShards
    from objectcrop.proposals.lod.select import select_lod
    from objectcrop.proposals.lod.shards import stored_array
    from objectcrop.proposals.table import describe_features, training_sizes, write_proposals
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.tables import MANIFEST, read_table

    by_degree = job.rank_by == "degree"
    ranking = stored_array(args.ranking, "degrees" if by_degree else "scores", rule="rank_regions")
    sizes = training_sizes(read_table(args.manifest, MANIFEST))
    features = describe_features(job.lod, [read_json(path) for path in args.run_summary]) + (
        ", ranked by row sums" if by_degree else ""
    )
    shards = FeatureShards(args.features)
    proposals = select_lod(shards, ranking, sizes, job.lod)
    summary = write_proposals(args.out, proposals, len(sizes), features=features)
    write_json(args.summary, {**summary, "settings": job.values(), "precision": shards.precision})
    print(f"{summary['num_boxes']} boxes in {summary['num_images']} images, {summary['num_images_without']} without")
    made.finish()


if __name__ == "__main__":
    run(main)
