"""Write the page that people read: results/report/index.html, one file that needs nothing beside it."""

from collections.abc import Sequence

from objectcrop.data.watch import images_behind
from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import ReportJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, ReportJob, ["data-root"])
    shown = {
        "tables": "tables (JSON)",
        "figures": "folders of figures of tables, named by their table",
        "class-analyses": "analyses of classes (JSON, named by their table)",
        "class-figures": "folders of their figures, TABLE",
        "worst-images": "images that are recognised worst (PNG)",
        "predictions": "drawn predictions, RUN/sSEED/TASK.png",
        "summaries": "summaries of the runs",
        "subsets": "summaries of subsets",
        "subset-statistics": "what their objects are like, DATASET/statistics.json",
        "subset-figures": "folders of their figures, DATASET/figures",
        "proposals": "summaries of proposals, DATASET/SOURCE.json",
        "qualities": "their quality, DATASET/SOURCE.quality.json",
        "sheets": "contact sheets, DATASET/SOURCE/{contact_sheet,best,worst}.png",
        "views": "drawn views, RUN.png",
        "unreadable": "counts of images and which cannot be read, DATASET/unreadable.json",
    }
    for name, meaning in shown.items():
        parser.add_input(name, meaning, nargs="*")
    parser.add_output("out", "HTML to write")
    args = parser.parse_args(argv)
    job = ReportJob.parse(args.settings)
    leaf = images_behind(args.data_root) if job.checks_images else None
    made = parser.begin("write_report", args, leaf=leaf, tolerant=job.allow_stale)

    from objectcrop.report.page.content import ReportFiles, read_content
    from objectcrop.report.page.render import render_page
    from objectcrop.runtime.atomic import write_text

    files = ReportFiles(**{name: getattr(args, name) for name in ReportFiles._fields})
    stale = list(dict.fromkeys(problem.through(file) for file, problem in made.problems.items()))
    content = read_content(job, files, stale)
    write_text(args.out, render_page(content))
    print(content.answer.question, content.answer.headline, *content.answer.sentences, f"report: {args.out}", sep="\n")
    made.finish()


if __name__ == "__main__":
    run(main)
