"""Draw images with their proposals and their annotated objects: random ones, and those whose best proposal met best and worst."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.proposals import SheetJob
from workflow_scripts.arguments import job_parser

COLUMNS, ROWS, CELL_WIDTH_PX, CELL_HEIGHT_PX = 6, 4, 190, 143


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SheetJob, ["data-root", "manifest", "annotations", "proposals"])
    parser.add_output("out", "PNG of random images to write")
    parser.add_output("best", "PNG of the best images to write")
    parser.add_output("worst", "PNG of the worst to write")
    args = parser.parse_args(argv)
    job = SheetJob.parse(args.settings)
    made = parser.begin("draw_contact_sheet", args)

    from objectcrop.boxes import Size
    from objectcrop.report.samples import CHOICES, sample_shown, write_png
    from objectcrop.report.sheets import proposal_sheet
    from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

    tables = (
        read_table(args.manifest, MANIFEST),
        read_table(args.annotations, ANNOTATIONS),
        read_table(args.proposals, PROPOSALS),
    )
    for choice, path in zip(CHOICES, (args.out, args.best, args.worst), strict=True):
        samples = sample_shown(*tables, args.data_root, count=COLUMNS * ROWS, seed=job.study_seed, choice=choice)
        write_png(proposal_sheet(samples, columns=COLUMNS, cell=Size(CELL_WIDTH_PX, CELL_HEIGHT_PX)), path)
    made.finish()


if __name__ == "__main__":
    run(main)
