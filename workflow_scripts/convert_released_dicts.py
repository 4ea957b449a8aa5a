"""Convert the authors' released dictionaries once into the tables of a subset; nothing that their files ask for is run."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import ConvertReleasedJob
from objectcrop.study.settings.annotation_files import annotation_files
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, ConvertReleasedJob, ["data-root", "classes"])
    parser.add_output("images-out", "IMAGES to write")
    parser.add_output("classes-out", "CLASSES to write")
    parser.add_output("boxes-out", "ANNOTATIONS to write")
    parser.add_output("summary", "JSON to write: counts beside the paper's")
    args = parser.parse_args(argv)
    job = ConvertReleasedJob.parse(args.settings)
    raw = annotation_files(job.dataset_name, job.dataset, args.data_root)
    made = parser.begin("convert_released_dicts", args, outside=raw)

    from objectcrop.data.containment import require_inside
    from objectcrop.data.released.dicts import read_released_apart
    from objectcrop.data.released.subset import released_subset
    from objectcrop.ohms import PAPER
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.datasets import raw_locations
    from objectcrop.study.settings.section import recorded
    from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, read_table, write_table

    lists = job.dataset
    allowed = lists.allow_links_outside
    require_inside(raw_locations(lists), args.data_root, name=job.dataset_name, allow_links_outside=allowed)
    named = read_table(args.classes, CLASSES)
    train = read_released_apart(args.data_root / lists.train_labels)
    boxes, test = (
        None if path is None else read_released_apart(args.data_root / path)
        for path in (lists.train_boxes, lists.test_labels)
    )
    subset = released_subset(train, boxes, test, dict(zip(named["class_id"], named["name"], strict=True)))
    write_table(subset.images, args.images_out, IMAGES)
    write_table(subset.classes, args.classes_out, CLASSES)
    write_table(subset.boxes, args.boxes_out, ANNOTATIONS)
    head = {"dataset": job.dataset_name, "settings": recorded(lists), "paper": PAPER}
    write_json(args.summary, head | subset.summary)
    for split, counts in subset.summary["splits"].items():
        print(f"{split}: " + ", ".join(f"{name} {value}" for name, value in counts.items()))
    print("notes: " + ", ".join(f"{name} {value}" for name, value in subset.summary["notes"].items()))
    made.finish()


if __name__ == "__main__":
    run(main)
