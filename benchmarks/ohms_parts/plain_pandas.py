"""CSV -> annotations -> OHMS tables as a careful user writes it with pandas: `python plain_pandas.py CSV NAMES OUT_FOLDER`.

The same five tables as the two rules write, and the same checks. Only the columns that are used are read, with their types;
nothing is looped over in Python, and the boxes stay in memory between the two stages.
"""

import sys
from pathlib import Path

import pandas as pd

MIN_CLASSES_PER_IMAGE, MIN_IMAGES_PER_CLASS = 2, 900
CORNERS = {"XMin": "x1", "YMin": "y1", "XMax": "x2", "YMax": "y2"}
FLAGS = ["IsGroupOf", "IsDepiction"]
TYPES = (
    dict.fromkeys(["ImageID", "Source", "LabelName"], "str")
    | dict.fromkeys(CORNERS, "float64")
    | dict.fromkeys(FLAGS, "int8")
)


def require(good: bool, what: str) -> None:
    if not good:
        raise ValueError(what)


def read_boxes(path: Path) -> pd.DataFrame:
    rows = pd.read_csv(path, usecols=list(TYPES), dtype=TYPES)
    require(not rows.isna().any().any(), "missing values")
    require(bool(rows[FLAGS].isin([-1, 0, 1]).all().all()), "flags")
    corners = rows[list(CORNERS)]
    require(bool(((corners >= -0.001) & (corners <= 1.001)).all().all()), "boxes outside the picture")
    require(bool(((rows["XMin"] <= rows["XMax"]) & (rows["YMin"] <= rows["YMax"])).all()), "boxes inside out")
    return pd.DataFrame(
        {
            "image_id": rows["ImageID"],
            "class_id": rows["LabelName"],
            **{ours: rows[theirs].clip(0, 1).astype("float32") for theirs, ours in CORNERS.items()},
            "is_group_of": rows["IsGroupOf"] == 1,
            "is_crowd": False,
            "is_depiction": rows["IsDepiction"] == 1,
            "source": rows["Source"],
            "split": "train",
        }
    )


def count_classes(pairs: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Images of every class, with its name, from distinct (image, class) pairs."""
    counts = pairs.groupby("class_id").size().rename("num_train_images").reset_index()
    named = counts.merge(names, on="class_id", how="left")
    require(not named["name"].isna().any(), "classes without description")
    return named[["class_id", "name", "num_train_images"]]


def select(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that rules b and c leave, repeated until no class is dropped."""
    pairs = pairs[pairs.groupby("image_id")["class_id"].transform("size") >= MIN_CLASSES_PER_IMAGE]
    while True:
        left = pairs[pairs.groupby("class_id")["image_id"].transform("size") >= MIN_IMAGES_PER_CLASS]
        left = left[left.groupby("image_id")["class_id"].transform("size") >= MIN_CLASSES_PER_IMAGE]
        if len(left) == len(pairs):
            return pairs
        pairs = left


def count_images(boxes: pd.DataFrame) -> pd.DataFrame:
    classes = boxes.groupby(["split", "image_id"])["class_id"]
    images = classes.agg(num_boxes="size", num_classes="nunique").reset_index()
    images = images.astype({"num_boxes": "int32", "num_classes": "int32"})
    return images[["image_id", "split", "num_boxes", "num_classes"]]


def main(csv: Path, names: Path, out: Path) -> None:
    out.mkdir()
    described = pd.read_csv(names, header=None, names=["class_id", "name"], dtype="str")
    boxes = read_boxes(csv)
    pairs = boxes[["image_id", "class_id"]].drop_duplicates()
    boxes.to_parquet(out / "annotations.parquet", index=False)
    count_classes(pairs, described).to_parquet(out / "annotations.classes.parquet", index=False)
    left = select(pairs)
    kept = boxes[boxes["image_id"].isin(left["image_id"].unique()) & boxes["class_id"].isin(left["class_id"].unique())]
    count_images(kept).to_parquet(out / "images.parquet", index=False)
    count_classes(left, described).to_parquet(out / "classes.parquet", index=False)
    kept.to_parquet(out / "boxes.parquet", index=False)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
