"""Render one table: what was measured, beside the paper's numbers."""

from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import TableJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, TableJob)
    parser.add_argument("--results", type=Path, nargs="*", default=[], help="results of the tasks")
    parser.add_argument("--paper", type=Path, required=True, help="CSV of the paper's numbers")
    parser.add_argument("--allow-stale", action="store_true", help="mark results of other settings, do not reject them")
    parser.add_argument("--markdown", type=Path, required=True, help="Markdown to write")
    parser.add_argument("--csv", type=Path, required=True, help="CSV to write")
    parser.add_argument("--json", type=Path, required=True, help="JSON to write, full precision")
    args = parser.parse_args(argv)
    job = TableJob.parse(args.settings)

    from objectcrop.report.cells import build_cells
    from objectcrop.report.rendering import as_csv, as_json, as_markdown
    from objectcrop.runtime.atomic import read_json, write_json, write_text
    from objectcrop.study.paper import read_paper_values

    table = job.table
    results = [read_json(path) for path in args.results]
    paper = read_paper_values(args.paper)
    cells = build_cells(table, results, job.expected, paper, allow_stale=args.allow_stale)
    write_json(args.json, {"name": job.table_name} | as_json(table, cells))
    write_text(args.csv, as_csv(table, cells))
    write_text(args.markdown, as_markdown(table, cells))
    print(as_markdown(table, cells))


if __name__ == "__main__":
    run(main)
