"""Read the boxes and classes of a data set, whatever its layout, into the two tables that every stage uses."""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "dataset_name", "dataset"')
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the data sets' paths start from")
    parser.add_argument("--boxes", type=Path, nargs="*", default=[], help="ANNOTATIONS of a subset")
    parser.add_argument("--boxes-classes", type=Path, nargs="*", default=[], help="CLASSES of a subset")
    parser.add_argument("--parts", type=Path, nargs="*", default=[], help="ANNOTATIONS of the parts of a union")
    parser.add_argument("--part-classes", type=Path, nargs="*", default=[], help="CLASSES of the parts of a union")
    parser.add_argument("--out", type=Path, required=True, help="ANNOTATIONS to write")
    parser.add_argument("--classes", type=Path, required=True, help="CLASSES to write")
    args = parser.parse_args(argv)

    from objectcrop.data.readers.registry import join_labels, parse_dataset, read_labels
    from objectcrop.data.relative_boxes import count_train_images
    from objectcrop.study.settings.datasets import UnionDataset
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.study.settings.subsets import SubsetDataset
    from objectcrop.tables import ANNOTATIONS, CLASSES, read_table, write_table

    settings = parse_settings(args.settings)
    dataset = parse_dataset(settings["dataset"])
    if isinstance(dataset, UnionDataset | SubsetDataset):
        tables = [read_table(path, ANNOTATIONS, categories=True) for path in args.parts + args.boxes]
        named = [read_table(path, CLASSES) for path in args.part_classes + args.boxes_classes]
        labels = join_labels(tables, named)
    else:
        labels = read_labels(settings["dataset_name"], dataset, args.data_root)
    with ThreadPoolExecutor(1) as beside:
        writing = beside.submit(write_table, labels.boxes, args.out, ANNOTATIONS)
        classes = count_train_images(*labels)
        write_table(classes, args.classes, CLASSES)
        num_images = labels.boxes["image_id"].nunique()
        writing.result()
    print(f"{len(labels.boxes)} boxes of {len(classes)} classes in {num_images} images")


if __name__ == "__main__":
    run(main)
