"""Convert the authors' released dictionaries once into the tables of a subset; nothing that their files ask for is run."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "dataset_name", "dataset" of source released_ohms')
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the data sets' paths start from")
    parser.add_argument("--classes", type=Path, required=True, help="CLASSES of the data set whose images are listed")
    parser.add_argument("--images-out", type=Path, required=True, help="IMAGES to write")
    parser.add_argument("--classes-out", type=Path, required=True, help="CLASSES to write")
    parser.add_argument("--boxes-out", type=Path, required=True, help="ANNOTATIONS to write")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write: counts beside the paper's")
    args = parser.parse_args(argv)

    from objectcrop.data.released.dicts import read_released_apart
    from objectcrop.data.released.subset import released_subset
    from objectcrop.ohms import PAPER
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.section import parse_settings, recorded
    from objectcrop.study.settings.subsets import ReleasedOhmsDataset
    from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, read_table, write_table

    settings = parse_settings(args.settings)
    lists = ReleasedOhmsDataset.model_validate(settings["dataset"])
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
    head = {"dataset": settings["dataset_name"], "settings": recorded(lists), "paper": PAPER}
    write_json(args.summary, head | subset.summary)
    for split, counts in subset.summary["splits"].items():
        print(f"{split}: " + ", ".join(f"{name} {value}" for name, value in counts.items()))
    print("notes: " + ", ".join(f"{name} {value}" for name, value in subset.summary["notes"].items()))


if __name__ == "__main__":
    run(main)
