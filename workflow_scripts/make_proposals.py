"""Make the proposals of a source that reads no image: annotated boxes, a grid, random places, the centre, a file."""

from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.proposals import SourceJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SourceJob, ["manifest"])
    parser.add_input("annotations", "ANNOTATIONS, for ground truth", nargs="*")
    parser.add_input("sizes-of", "PROPOSALS whose sizes are copied", nargs="*")
    parser.add_argument(
        "--data-root", type=Path, default=Path(), help="folder that the file of an external source is in"
    )
    parser.add_output("out", "PROPOSALS to write")
    parser.add_output("summary", "JSON to write")
    args = parser.parse_args(argv)
    job = SourceJob.parse(args.settings)
    made = parser.begin("make_proposals", args)

    import numpy as np

    from objectcrop.proposals.sources.external import read_external
    from objectcrop.proposals.sources.without_search import SourceInputs, make_boxes, origin
    from objectcrop.proposals.table import ImageProposals, boxes_by_image, training_sizes, usable, write_proposals
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.proposals import ExternalProposals
    from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

    source = job.source
    sizes = training_sizes(read_table(args.manifest, MANIFEST))
    if isinstance(source, ExternalProposals):
        features = source.features
        proposals = read_external(args.data_root / source.file, sizes, source.max_boxes)
    else:
        features = origin(source)
        inputs = SourceInputs(
            annotations=read_table(args.annotations[0], ANNOTATIONS, categories=True) if args.annotations else None,
            boxes=boxes_by_image(read_table(args.sizes_of[0], PROPOSALS)) if args.sizes_of else None,
        )
        found = make_boxes(source, sizes, inputs, study_seed=job.study_seed)
        proposals = (ImageProposals(name, sizes[name], boxes, np.zeros(len(boxes))) for name, boxes in found)
    summary = write_proposals(args.out, map(usable, proposals), len(sizes), features=features)
    write_json(args.summary, {**summary, "settings": job.values()})
    print(f"{summary['num_boxes']} boxes in {summary['num_images']} images, {summary['num_images_without']} without")
    made.finish()


if __name__ == "__main__":
    run(main)
