"""Measure the objects of a subset and of the data set that it was selected from: how many, how large, where."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import DatasetJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, DatasetJob, ["classes"])
    parser.add_input("boxes", "ANNOTATIONS of the subset")
    parser.add_input("base-boxes", "ANNOTATIONS of the data set selected from")
    parser.add_output("statistics", "JSON to write: histograms of both")
    parser.add_output("class-statistics", "CLASS_STATISTICS to write")
    args = parser.parse_args(argv)
    job = DatasetJob.parse(args.settings)
    made = parser.begin("measure_subset", args)

    from objectcrop.data.box_statistics import measure_boxes, read_coded_boxes, with_names
    from objectcrop.runtime.atomic import write_json
    from objectcrop.tables import CLASS_STATISTICS, CLASSES, read_table, write_table

    base = measure_boxes(read_coded_boxes(args.base_boxes, "train")).histograms
    subset = measure_boxes(read_coded_boxes(args.boxes, "train"))
    table = with_names(subset, read_table(args.classes, CLASSES))
    write_table(table, args.class_statistics, CLASS_STATISTICS)
    names = {"dataset": job.dataset_name, "base": job.base_name, "split": "train"}
    columns = {name: table[name].tolist() for name in ("num_boxes", "mean_area_share")}
    write_json(args.statistics, names | {"subset_counts": subset.histograms, "base_counts": base, "per_class": columns})
    print(f"{subset.histograms['num_boxes']} boxes of {len(table)} classes in {subset.histograms['num_images']} images")
    made.finish()


if __name__ == "__main__":
    run(main)
