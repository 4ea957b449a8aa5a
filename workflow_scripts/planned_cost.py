"""Print what the study costs in GPU-hours, row by row: by rates measured here, or assumed ones, marked so."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.costs import PlannedCostJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, PlannedCostJob)
    parser.add_output("out", "Markdown to write")
    args = parser.parse_args(argv)
    job = PlannedCostJob.parse(args.settings)
    made = parser.begin("planned_cost", args)

    from objectcrop.report.tables.costs import planned_cost_page
    from objectcrop.runtime.atomic import write_text

    page = planned_cost_page(job)
    write_text(args.out, page)
    print(page)
    made.finish()


if __name__ == "__main__":
    run(main)
