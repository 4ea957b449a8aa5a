"""Compare the classes of a table's linear evaluations: their average precision against the area and number of their objects."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.report import ClassJob
from workflow_scripts.arguments import job_parser

CELL_WIDTH_PX, CELL_HEIGHT_PX = 240, 180


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, ClassJob, ["data-root", "manifest", "annotations", "classes"])
    parser.add_input("results", "results of the rows, every seed", nargs="+")
    parser.add_input("scores", "scores of the last row, npz")
    parser.add_output("analysis", "JSON to write")
    parser.add_output("figures", "folder of figures to write")
    parser.add_output("worst", "PNG of the worst images to write")
    args = parser.parse_args(argv)
    job = ClassJob.parse(args.settings)
    made = parser.begin("analyse_classes", args)

    from objectcrop.boxes import Size
    from objectcrop.data.box_statistics import measure_boxes, read_coded_boxes, with_names
    from objectcrop.evaluate.linear.scores import read_scores
    from objectcrop.report.class_analysis import analyse_classes, class_table, correlate, values_of_rows
    from objectcrop.report.figures.classes import class_figures
    from objectcrop.report.figures.folder import write_figures
    from objectcrop.report.samples import write_png
    from objectcrop.report.sheets import proposal_sheet
    from objectcrop.report.worst_images import images_of, worst_classes
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.tables import ANNOTATIONS, CLASSES, MANIFEST, read_table

    values = values_of_rows(job, [read_json(path) for path in args.results])
    names = read_table(args.classes, CLASSES)
    table = class_table(values, with_names(measure_boxes(read_coded_boxes(args.annotations, "train")), names))
    labels, last = list(values), list(values)[-1]
    missed = worst_classes(read_scores(args.scores), values[last][0])
    tables = read_table(args.manifest, MANIFEST), read_table(args.annotations, ANNOTATIONS)
    images = images_of(missed, *tables, args.data_root)
    cell = Size(CELL_WIDTH_PX, CELL_HEIGHT_PX)
    write_png(proposal_sheet(images, columns=len(missed[0].image_ids), cell=cell), args.worst)
    named = names.set_index("class_id")["name"]
    rows = [one._asdict() | {"name": named.get(one.class_id, one.class_id)} for one in missed]
    write_json(args.analysis, analyse_classes(table, labels) | {"worst": {"label": last, "rows": rows}})
    write_figures(args.figures, class_figures(table, labels, {label: correlate(table, label) for label in labels}))
    print(f"{len(table)} classes of {len(labels)} rows: {args.figures}")
    made.finish()


if __name__ == "__main__":
    run(main)
