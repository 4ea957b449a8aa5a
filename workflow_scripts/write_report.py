"""Write the page that people read: results/report/index.html, one file that needs nothing beside it."""

from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import ReportJob
from workflow_scripts.arguments import job_parser

SHEETS = {
    "contact_sheet": "",
    "best": ", images whose best proposal meets an object best",
    "worst": ", images whose best proposal meets objects worst",
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, ReportJob)
    for name, meaning in {
        "tables": "tables (JSON)",
        "curves": "loss curves (SVG, named by their table)",
        "summaries": "summaries of the runs",
        "subsets": "summaries of subsets",
        "subset-statistics": "what their objects are like, DATASET/statistics.json",
        "subset-figures": "the same drawn, DATASET/figures.svg",
        "proposals": "summaries of proposals, DATASET/SOURCE.json",
        "qualities": "their quality, DATASET/SOURCE.quality.json",
        "sheets": "contact sheets, DATASET/SOURCE/{contact_sheet,best,worst}.png",
        "views": "drawn views, RUN.png",
        "unreadable": "counts of images and which cannot be read, DATASET/unreadable.json",
    }.items():
        parser.add_argument(f"--{name}", type=Path, nargs="*", default=[], help=meaning)
    parser.add_argument("--out", type=Path, required=True, help="HTML to write")
    args = parser.parse_args(argv)
    job = ReportJob.parse(args.settings)

    from objectcrop.report.image_words import describe_images
    from objectcrop.report.meaning import meaning as meaning_of
    from objectcrop.report.page import Content, differences, render_page
    from objectcrop.report.subset_comparison import compare_with_paper
    from objectcrop.report.subset_words import describe_objects
    from objectcrop.runtime.atomic import read_json, write_text
    from objectcrop.runtime.provenance import provenance

    summaries = [read_json(path) for path in args.summaries]
    tables, subsets = [[read_json(path) for path in paths] for paths in (args.tables, args.subsets)]
    statistics = [read_json(path) for path in args.subset_statistics]
    bases = job.subset_base_sources
    content = Content(
        study=job.study.model_dump(mode="json"),
        runs=differences(job.runs),
        meaning=meaning_of(summaries, len(job.study.seeds), job.has_random_boxes),
        tables={table["name"]: table for table in tables},
        curves={path.stem: path.read_text(encoding="utf-8") for path in args.curves},
        summaries=summaries,
        subsets=subsets,
        comparisons={subset["dataset"]: compare_with_paper(subset, bases[subset["dataset"]]) for subset in subsets},
        subset_figures={path.parent.name: path.read_text(encoding="utf-8") for path in args.subset_figures},
        subset_words={measured["dataset"]: describe_objects(measured) for measured in statistics},
        proposals={f"{path.parent.name}, {path.stem}": read_json(path) for path in args.proposals},
        qualities={f"{p.parent.name}, {p.name.removesuffix('.quality.json')}": read_json(p) for p in args.qualities},
        sheets={
            f"{path.parents[1].name}, {path.parent.name}{SHEETS[path.stem]}": path.read_bytes() for path in args.sheets
        },
        views={path.stem: path.read_bytes() for path in args.views},
        images=[describe_images(path.parent.name, read_json(path)) for path in args.unreadable],
        provenance=provenance(),
    )
    write_text(args.out, render_page(content))
    print(f"report: {args.out}")


if __name__ == "__main__":
    run(main)
