"""Render one table: what was measured, beside the paper's numbers."""

from collections.abc import Sequence

from objectcrop.data.watch import images_behind
from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import TableJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, TableJob, ["data-root"])
    parser.add_input("results", "results of the tasks", nargs="*")
    parser.add_input("summaries", "summaries of its runs", nargs="*")
    parser.add_input("proposals", "summaries of proposals, DATASET/SOURCE.json", nargs="*")
    parser.add_input("paper", "CSV of the paper's numbers")
    parser.add_input("faults", "TOML of what is wrong with these")
    parser.add_output("markdown", "Markdown to write")
    parser.add_output("csv", "CSV to write")
    parser.add_output("json", "JSON to write, full precision")
    args = parser.parse_args(argv)
    job = TableJob.parse(args.settings)
    leaf = images_behind(args.data_root) if job.checks_images else None
    made = parser.begin("render_table", args, leaf=leaf, tolerant=job.allow_stale)

    from objectcrop.report.cells import build_cells
    from objectcrop.report.costs import measured_hours
    from objectcrop.report.faults import read_faults
    from objectcrop.report.measured import read_measured
    from objectcrop.report.rendering import as_csv, as_json, as_markdown
    from objectcrop.runtime.atomic import read_json, write_json, write_text
    from objectcrop.study.paper import read_paper_values

    table = job.table
    stale = {file: problem.through(file) for file, problem in made.problems.items()}
    measured = read_measured(args.results, args.proposals, stale)
    cells = build_cells(table, measured, read_paper_values(args.paper), read_faults(args.faults))
    hours = measured_hours(job, map(read_json, args.summaries), measured.results)
    write_json(args.json, {"name": job.table_name} | as_json(table, cells, hours))
    write_text(args.csv, as_csv(table, cells, hours))
    write_text(args.markdown, as_markdown(table, cells, hours))
    print(as_markdown(table, cells, hours))
    made.finish()


if __name__ == "__main__":
    run(main)
