"""Measure the objects of a subset and of the data set that it was selected from: how many, how large, where."""

from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import DatasetJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, DatasetJob, ["classes"])
    parser.add_argument("--boxes", type=Path, required=True, help="ANNOTATIONS of the subset")
    parser.add_argument("--base-boxes", type=Path, required=True, help="ANNOTATIONS of the data set selected from")
    parser.add_argument("--statistics", type=Path, required=True, help="JSON to write: histograms of both")
    parser.add_argument("--class-statistics", type=Path, required=True, help="CLASS_STATISTICS to write")
    args = parser.parse_args(argv)
    job = DatasetJob.parse(args.settings)

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


if __name__ == "__main__":
    run(main)
