"""Read the boxes and classes of a data set, whatever its layout, into the two tables that every stage uses."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import DatasetJob
from objectcrop.study.settings.annotation_files import annotation_files
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, DatasetJob, ["data-root"])
    parser.add_input("boxes", "ANNOTATIONS of a subset", nargs="*")
    parser.add_input("boxes-classes", "CLASSES of a subset", nargs="*")
    parser.add_input("parts", "ANNOTATIONS of the parts of a union, or of what is prepared", nargs="*")
    parser.add_input("part-classes", "CLASSES of the parts of a union", nargs="*")
    parser.add_output("out", "ANNOTATIONS to write")
    parser.add_output("classes", "CLASSES to write")
    args = parser.parse_args(argv)
    job = DatasetJob.parse(args.settings)
    raw = annotation_files(job.dataset_name, job.dataset, args.data_root)
    made = parser.begin("read_annotations", args, outside=raw)

    from objectcrop.data.readers.registry import join_labels, read_labels
    from objectcrop.data.relative_boxes import count_train_images
    from objectcrop.study.settings.datasets import PreparedDataset, UnionDataset
    from objectcrop.study.settings.subsets import SubsetDataset
    from objectcrop.tables import ANNOTATIONS, CLASSES, read_table, write_table

    if isinstance(job.dataset, UnionDataset | PreparedDataset | SubsetDataset):
        tables = [read_table(path, ANNOTATIONS, categories=True) for path in args.parts + args.boxes]
        named = [read_table(path, CLASSES) for path in args.part_classes + args.boxes_classes]
        labels = join_labels(tables, named)
    else:
        labels = read_labels(job.dataset_name, job.dataset, args.data_root)
    with ThreadPoolExecutor(1) as beside:
        writing = beside.submit(write_table, labels.boxes, args.out, ANNOTATIONS)
        classes = count_train_images(*labels)
        write_table(classes, args.classes, CLASSES)
        num_images = labels.boxes["image_id"].nunique()
        writing.result()
    print(f"{len(labels.boxes)} boxes of {len(classes)} classes in {num_images} images")
    made.finish()


if __name__ == "__main__":
    run(main)
