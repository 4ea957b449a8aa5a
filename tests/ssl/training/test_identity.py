"""The identity of a training: all that it reads counts, how it is held in memory does not."""

import numpy as np
import pandas as pd
import pytest

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.training.identity import training_identity
from objectcrop.study.settings.runs import Run

RUN = Run.model_validate({"dataset": "d", "method": "moco_v2"})


@pytest.fixture
def manifest():
    ids = [f"i{number:03d}" for number in range(40)]
    paths = [f"train/{name}.jpg" for name in ids]
    rows = {
        "image_id": ids,
        "path": paths,
        "width_px": np.arange(40, dtype=np.int32),
        "split": ["train"] * 30 + ["test"] * 10,
    }
    return pd.DataFrame(rows).astype({"image_id": "str", "path": "str", "split": "str"})


def identity(manifest, **tables):
    return training_identity(RUN, Seeds(0, 0), {"manifest": manifest, **tables}, None, None)


def test_pieces_categories_and_index_do_not_count(manifest):
    held = [
        pd.concat([manifest[:7], manifest[7:]]),
        manifest.astype({"split": "category"}),
        manifest.astype({"path": object}),
        manifest.set_index(np.arange(40) + 5),
    ]
    assert {identity(one) for one in held} == {identity(manifest)}


def test_every_value_of_a_training_image_counts(manifest):
    seen = {identity(manifest)}
    for column, value in (("image_id", "other"), ("path", "train/other.jpg"), ("width_px", 99), ("split", "test")):
        changed = manifest.copy()
        changed.loc[3, column] = value
        seen.add(identity(changed))
    seen.add(identity(manifest.rename(columns={"width_px": "height_px"})))
    assert len(seen) == 6


def test_where_a_text_ends_counts(manifest):
    first, second = manifest.copy(), manifest.copy()
    first.loc[[0, 1], "path"] = ["ab", "c"]
    second.loc[[0, 1], "path"] = ["a", "bc"]
    assert identity(first) != identity(second)


def test_rows_of_other_images_do_not_count(manifest):
    boxes = pd.DataFrame({"image_id": ["i000", "i035"], "rank": [0, 0], "x1": [1.0, 2.0]}).astype({"image_id": "str"})
    known = identity(manifest, proposals=boxes)
    assert (
        identity(manifest.assign(width_px=manifest["width_px"].where(manifest["split"] == "train", 7)), proposals=boxes)
        == known
    )
    assert identity(manifest, proposals=boxes[:1]) == known
    assert identity(manifest, proposals=boxes.assign(x1=[1.5, 2.0])) != known
