"""CSV -> annotations -> OHMS tables as pandas' tutorials write it: `python plain_pandas.py CSV NAMES OUT_FOLDER`.

`read_csv` as it comes, then `groupby`: no types, no choice of columns, no check of the values; the same five tables as the two
rules write. Chosen columns, types and checks take as long in sum (measured: pandas 3 keeps text in Arrow).
"""

import sys
from pathlib import Path

import pandas as pd

MIN_CLASSES_PER_IMAGE, MIN_IMAGES_PER_CLASS = 2, 900


def annotations(csv: Path) -> pd.DataFrame:
    rows = pd.read_csv(csv)
    boxes = rows.rename(
        columns={"ImageID": "image_id", "LabelName": "class_id", "Source": "source"}
        | {"XMin": "x1", "YMin": "y1", "XMax": "x2", "YMax": "y2"}
    )
    boxes[["x1", "y1", "x2", "y2"]] = boxes[["x1", "y1", "x2", "y2"]].clip(0, 1).astype("float32")
    boxes["is_group_of"] = boxes["IsGroupOf"] == 1
    boxes["is_crowd"] = False
    boxes["is_depiction"] = boxes["IsDepiction"] == 1
    boxes["split"] = "train"
    columns = ["image_id", "class_id", "x1", "y1", "x2", "y2", "is_group_of", "is_crowd", "is_depiction", "source"]
    return boxes[[*columns, "split"]]


def select(boxes: pd.DataFrame) -> pd.DataFrame:
    """The boxes of the images and classes that rules b and c leave."""
    boxes = boxes[boxes.groupby("image_id")["class_id"].transform("nunique") >= MIN_CLASSES_PER_IMAGE]
    while True:
        left = boxes[boxes.groupby("class_id")["image_id"].transform("nunique") >= MIN_IMAGES_PER_CLASS]
        left = left[left.groupby("image_id")["class_id"].transform("nunique") >= MIN_CLASSES_PER_IMAGE]
        if len(left) == len(boxes):
            return boxes
        boxes = left


def count_classes(boxes: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    counts = boxes.groupby("class_id")["image_id"].nunique().rename("num_train_images").reset_index()
    return counts.merge(names, on="class_id")[["class_id", "name", "num_train_images"]]


def count_images(boxes: pd.DataFrame) -> pd.DataFrame:
    images = boxes.groupby(["split", "image_id"])["class_id"].agg(num_boxes="size", num_classes="nunique").reset_index()
    images = images.astype({"num_boxes": "int32", "num_classes": "int32"})
    return images[["image_id", "split", "num_boxes", "num_classes"]]


def main(csv: Path, names: Path, out: Path) -> None:
    out.mkdir()
    described = pd.read_csv(names, header=None, names=["class_id", "name"])
    boxes = annotations(csv)
    boxes.to_parquet(out / "annotations.parquet", index=False)
    count_classes(boxes, described).to_parquet(out / "annotations.classes.parquet", index=False)
    kept = select(boxes)
    kept.to_parquet(out / "boxes.parquet", index=False)
    count_classes(kept, described).to_parquet(out / "classes.parquet", index=False)
    count_images(kept).to_parquet(out / "images.parquet", index=False)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
