"""Select an OHMS subset: the images that show several classes which are common enough."""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "dataset_name", "dataset" of source ohms')
    parser.add_argument("--annotations", type=Path, required=True, help="ANNOTATIONS to select from")
    parser.add_argument("--classes", type=Path, required=True, help="CLASSES of these")
    parser.add_argument("--images-out", type=Path, required=True, help="IMAGES to write")
    parser.add_argument("--classes-out", type=Path, required=True, help="CLASSES to write")
    parser.add_argument("--boxes-out", type=Path, required=True, help="ANNOTATIONS to write")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write: counts beside the paper's")
    args = parser.parse_args(argv)

    from objectcrop.ohms import select_ohms
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.study.settings.subsets import OhmsDataset
    from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, read_table, write_table

    settings = parse_settings(args.settings)
    rules = OhmsDataset.model_validate(settings["dataset"])
    boxes = read_table(args.annotations, ANNOTATIONS, categories=True)
    subset = select_ohms(boxes, read_table(args.classes, CLASSES), rules)
    tables = (subset.boxes, subset.images, subset.classes)
    paths = (args.boxes_out, args.images_out, args.classes_out)
    with ThreadPoolExecutor() as pool:
        list(pool.map(write_table, tables, paths, (ANNOTATIONS, IMAGES, CLASSES)))
    write_json(args.summary, {"dataset": settings["dataset_name"], **subset.summary})
    for step in subset.summary["steps"]:
        print(f"{step['rule']}: {step['num_images']} images, {step['num_classes']} classes")
    for split, counts in subset.summary["splits"].items():
        print(f"{split}: " + ", ".join(f"{name} {value:g}" for name, value in counts.items()))
    print("paper, train: " + ", ".join(f"{name} {value:g}" for name, value in subset.summary["paper"].items()))


if __name__ == "__main__":
    run(main)
