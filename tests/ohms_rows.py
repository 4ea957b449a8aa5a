"""Small tables of boxes, random ones too, and the subset that the rules of OHMS choose of them."""

import pandas as pd
from hypothesis import strategies as st

from objectcrop.ohms import select_ohms
from objectcrop.study.settings.subsets import OhmsDataset
from objectcrop.tables import ANNOTATIONS, check

CLASS_IDS = list("abcdef")
Rows = list[tuple[str, str, str]]  # image, class, split
rows_of_boxes = st.lists(
    st.tuples(
        st.integers(0, 14), st.sampled_from(CLASS_IDS), st.sampled_from(["train", "train", "validation", "test"])
    ),
    min_size=1,
    max_size=60,
).map(lambda rows: [(f"{split}{number}", class_id, split) for number, class_id, split in rows])


def annotations(rows: Rows, **flags: list[bool]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["image_id", "class_id", "split"])
    frame = frame.assign(x1=0.1, y1=0.2, x2=0.5, y2=0.6, source="test")
    frame = frame.assign(**{name: flags.get(name, False) for name in ["is_group_of", "is_crowd", "is_depiction"]})
    return check(frame, ANNOTATIONS, where="test")


def class_table() -> pd.DataFrame:
    return pd.DataFrame({"class_id": CLASS_IDS, "name": [c.upper() for c in CLASS_IDS], "num_train_images": 0})


def rules(**changes) -> OhmsDataset:
    return OhmsDataset(**{"source": "ohms", "of": "base", "min_images_per_class": 2, **changes})


def select(rows: Rows, chosen: OhmsDataset, **flags: list[bool]):
    """The subset, or None if the rules leave nothing."""
    try:
        return select_ohms(annotations(rows, **flags), class_table(), chosen)
    except ValueError:
        return None


def labels_by_image(rows: Rows, split: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for image, class_id, of_split in rows:
        if of_split == split:
            found.setdefault(image, set()).add(class_id)
    return found


def kept_labels(subset, split: str) -> dict[str, set[str]]:
    boxes = subset.boxes[subset.boxes["split"] == split]
    return {str(image): set(group) for image, group in boxes.groupby("image_id")["class_id"]}
