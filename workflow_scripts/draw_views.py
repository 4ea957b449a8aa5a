"""Draw the views of a run: sample images with regions and crops, and the two views as they are trained on."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.pretraining import PretrainJob
from workflow_scripts.arguments import job_parser

NUM_SAMPLES, CELL_WIDTH_PX, CELL_HEIGHT_PX = 6, 214, 160


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, PretrainJob, ["data-root", "manifest"])
    parser.add_input("proposals", "PROPOSALS and their summary (JSON)", nargs="*")
    parser.add_output("out", "PNG to write")
    args = parser.parse_args(argv)
    job = PretrainJob.parse(args.settings)
    made = parser.begin("draw_views", args)

    from objectcrop.boxes import Size
    from objectcrop.report.samples import sample_views, write_png
    from objectcrop.report.sheets import view_sheet
    from objectcrop.runtime.atomic import read_json
    from objectcrop.tables import MANIFEST, PROPOSALS, read_table

    samples = sample_views(
        job.run,
        read_table(args.manifest, MANIFEST),
        read_table(args.proposals[0], PROPOSALS) if args.proposals else None,
        read_json(args.proposals[1]) if args.proposals else None,
        args.data_root,
        count=NUM_SAMPLES,
        study_seed=job.study_seed,
    )
    sheet = view_sheet(samples, cell=Size(CELL_WIDTH_PX, CELL_HEIGHT_PX), view_px=job.run.views.size_px)
    write_png(sheet, args.out)
    made.finish()


if __name__ == "__main__":
    run(main)
