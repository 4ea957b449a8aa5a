"""Measure how well proposals find the annotated objects of the training images: CorLoc, odAP, DetRate, mABO."""

from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from workflow_scripts.arguments import ScriptParser


def main(argv: Sequence[str] | None = None) -> None:
    parser = ScriptParser(__doc__)
    parser.add_input("manifest", "MANIFEST of the data set")
    parser.add_input("annotations", "ANNOTATIONS of the data set")
    parser.add_input("proposals", "PROPOSALS to measure")
    parser.add_argument("--costs", type=Path, nargs="*", default=[], help="benchmark files of the jobs that made them")
    parser.add_output("out", "JSON to write")
    args = parser.parse_args(argv)
    made = parser.begin("measure_proposals", args)

    from objectcrop.proposals.quality.job_costs import read_costs
    from objectcrop.proposals.quality.measure import measure
    from objectcrop.proposals.table import training_sizes
    from objectcrop.runtime.atomic import write_json
    from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

    table, sizes = read_table(args.proposals, PROPOSALS), training_sizes(read_table(args.manifest, MANIFEST))
    annotations = read_table(args.annotations, ANNOTATIONS, categories=True)
    try:
        quality = measure(table, annotations, sizes)
    except ValueError as error:
        raise ValueError(f"{args.annotations}: {error}") from error
    write_json(args.out, quality | {"costs": read_costs(args.costs)})
    print(", ".join(f"{name} {quality[name]:.4g}" for name in ("corloc", "det_rate", "mabo", "ap50", "ap5095")), end="")
    print(f" on {quality['num_images_measured']} images with {quality['num_objects']} objects")
    made.finish()


if __name__ == "__main__":
    run(main)
