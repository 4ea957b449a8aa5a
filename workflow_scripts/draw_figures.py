"""Draw a table's rows beside each other, and the curves of its runs over the images seen: a figure for each question."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import FiguresJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, FiguresJob)
    parser.add_input("table", "the table (JSON)")
    parser.add_input("summaries", "summaries of its runs, every seed", nargs="*")
    parser.add_output("out", "folder of figures to write")
    args = parser.parse_args(argv)
    job = FiguresJob.parse(args.settings)
    made = parser.begin("draw_figures", args, tolerant=job.allow_stale)

    from objectcrop.report.figures.curves import curve_figures
    from objectcrop.report.figures.folder import write_figures
    from objectcrop.report.figures.rows import row_figure
    from objectcrop.runtime.atomic import read_json

    rows = row_figure(job, read_json(args.table))
    figures = curve_figures([read_json(path) for path in args.summaries])
    write_figures(args.out, [rows, *figures] if rows is not None else figures)
    made.finish()


if __name__ == "__main__":
    run(main)
