"""Render one table: what was measured, beside the paper's numbers."""

from collections.abc import Sequence

from objectcrop.data.watch import images_behind
from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import TableJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, TableJob, ["data-root"])
    parser.add_input("results", "results of the tasks", nargs="*")
    parser.add_input(
        "scores", "scores of linear evaluations whose differences are paired, RUN/sSEED/TASK.scores.npz", nargs="*"
    )
    parser.add_input("summaries", "summaries of its runs", nargs="*")
    parser.add_input("proposals", "summaries of proposals, DATASET/SOURCE.json", nargs="*")
    parser.add_input("paper", "CSV of the paper's numbers")
    parser.add_input("faults", "TOML of what is wrong with these")
    parser.add_input("lengths", "TOML of how long the runs behind these are")
    for name in ("markdown", "csv", "json", "latex"):
        parser.add_output(name, "file to write")
    args = parser.parse_args(argv)
    job = TableJob.parse(args.settings)
    leaf = images_behind(args.data_root) if job.checks_images else None
    made = parser.begin("render_table", args, leaf=leaf, tolerant=job.allow_stale)

    from objectcrop.report.tables.budget import read_lengths, reduced_rows
    from objectcrop.report.tables.cells import build_cells
    from objectcrop.report.tables.costs import measured_hours
    from objectcrop.report.tables.faults import read_faults
    from objectcrop.report.tables.filled import FilledTable
    from objectcrop.report.tables.latex import as_latex
    from objectcrop.report.tables.measured import read_measured
    from objectcrop.report.tables.rendering import as_csv, as_json, as_markdown
    from objectcrop.runtime.atomic import read_json, write_json, write_text
    from objectcrop.study.paper import read_paper_values

    stale = {file: problem.through(file) for file, problem in made.problems.items()}
    measured = read_measured(args.results, args.proposals, args.scores, stale)
    cells = build_cells(job.table, measured, read_paper_values(args.paper), read_faults(args.faults))
    summaries = [read_json(path) for path in args.summaries]
    hours = measured_hours(job, summaries, measured.results)
    reduced = reduced_rows(job, summaries, read_lengths(args.lengths))
    filled = FilledTable(job.table, cells, hours, reduced, job.table_name)
    write_json(args.json, as_json(filled))
    write_text(args.csv, as_csv(filled))
    write_text(args.latex, as_latex(filled))
    write_text(args.markdown, as_markdown(filled))
    print(as_markdown(filled))
    made.finish()


if __name__ == "__main__":
    run(main)
