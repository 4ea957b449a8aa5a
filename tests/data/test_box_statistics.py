"""Statistics of boxes against slow counting and numbers made by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectcrop.data.box_statistics import AREA_EDGES, GRID, measure_boxes, read_coded_boxes, with_names
from objectcrop.tables import ANNOTATIONS, CLASS_STATISTICS, IMAGE_LABEL, check, write_table


def annotations(rows):
    """ANNOTATIONS of rows (image, class, split, x1, y1, x2, y2, source)."""
    columns = ["image_id", "class_id", "split", "x1", "y1", "x2", "y2", "source"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(is_group_of=False, is_crowd=False, is_depiction=False)


def measured(path, rows):
    write_table(annotations(rows), path, ANNOTATIONS)
    return measure_boxes(read_coded_boxes(path, "train"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "boxes.parquet"


@pytest.fixture
def few(path):
    return measured(
        path,
        [
            ("i2", "dog", "train", 0, 0, 0.5, 0.5, "s"),
            ("i1", "cat", "train", 0.5, 0.5, 1, 1, "s"),
            ("i1", "dog", "train", 0, 0, 0.1, 0.1, "s"),
            ("i1", "dog", "train", 0, 0, 1, 1, "s"),
            ("i3", "dog", "train", 0.25, 0.25, 0.25, 0.75, "s"),
            ("i9", "dog", "test", 0, 0, 1, 1, "s"),
            ("i4", "dog", "train", 0, 0, 1, 1, IMAGE_LABEL),
            ("i4", "bird", "train", 0, 0, 1, 1, IMAGE_LABEL),
        ],
    )


def test_images_and_objects_are_counted_in_the_training_split(few):
    histograms = few.histograms
    assert (histograms["num_images"], histograms["num_boxes"]) == (4, 5)
    assert histograms["images_per_class"] == [4, 1, 1]  # dog, and cat and bird
    assert histograms["objects_per_image"] == {"objects": [1, 3], "images": [2, 1]}


def test_areas_fall_into_bins_of_a_tenth_of_a_decade_and_boxes_without_area_into_the_first(few):
    boxes = few.histograms["area_share"]["boxes"]
    assert sum(boxes) == 5
    assert boxes[0] == 1  # no area
    assert boxes[-1] == 1  # the whole image
    of_quarter = int(np.searchsorted(AREA_EDGES, 0.25)) - 1
    assert boxes[of_quarter] == 2
    assert few.histograms["median_area_share"] == 0.25


def test_centres_fall_into_cells_rows_from_the_top(few):
    boxes = np.array(few.histograms["centres"]["boxes"])
    assert boxes.shape == (GRID, GRID)
    assert boxes[GRID // 4, GRID // 4] == 1
    assert boxes[3 * GRID // 4, 3 * GRID // 4] == 1
    assert boxes[GRID // 2, GRID // 2] == 1
    assert boxes[GRID // 2, GRID // 4] == 1  # x 0.25, y 0.5
    assert boxes.sum() == 5


def test_classes_with_boxes_have_their_counts_and_areas(few):
    names = pd.DataFrame({"class_id": ["bird", "cat", "dog"], "name": ["Bird", "Cat", "Dog"]})
    table = check(with_names(few, names), CLASS_STATISTICS, where="classes")
    assert table[["class_id", "name", "num_images", "num_boxes"]].to_numpy().tolist() == [
        ["cat", "Cat", 1, 1],
        ["dog", "Dog", 3, 4],
    ]
    assert table["mean_area_share"].tolist() == pytest.approx([0.25, (0.25 + 0.01 + 1 + 0) / 4])
    assert table["median_area_share"].tolist() == pytest.approx([0.25, 0.13])


def test_labels_alone_have_images_and_no_objects(path):
    statistics = measured(path, [("a", "dog", "train", 0, 0, 1, 1, IMAGE_LABEL)])
    assert statistics.histograms["images_per_class"] == [1]
    assert (statistics.histograms["num_boxes"], statistics.histograms["median_area_share"]) == (0, None)
    assert len(statistics.classes) == 0


SHARES = st.integers(0, 20).map(lambda twentieth: twentieth / 20)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from(["x", "y", "z"]),
        st.just("train") | st.just("test"),
        SHARES,
        SHARES,
        SHARES,
        SHARES,
        st.sampled_from(["s", IMAGE_LABEL]),
    ).map(lambda r: (*r[:3], min(r[3], r[5]), min(r[4], r[6]), max(r[3], r[5]), max(r[4], r[6]), r[7])),
    min_size=1,
    max_size=40,
).filter(lambda rows: any(row[2] == "train" for row in rows))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_the_counts_equal_those_of_plain_loops(path, rows):
    statistics = measured(path, rows)
    train = [row for row in rows if row[2] == "train"]
    boxes = [row for row in train if row[7] != IMAGE_LABEL]
    images_of = {class_id: {row[0] for row in train if row[1] == class_id} for class_id in "xyz"}
    assert statistics.histograms["images_per_class"] == sorted(filter(None, map(len, images_of.values())), reverse=True)
    per_image = [sum(row[0] == image for row in boxes) for image in "abcdef"]
    objects = statistics.histograms["objects_per_image"]
    assert dict(zip(objects["objects"], objects["images"], strict=True)) == {
        count: per_image.count(count) for count in per_image if count
    }
    assert sum(statistics.histograms["area_share"]["boxes"]) == len(boxes)
    assert np.sum(statistics.histograms["centres"]["boxes"]) == len(boxes)
    for line in statistics.classes.itertuples():
        areas = [np.float32(r[5] - r[3]) * np.float32(r[6] - r[4]) for r in boxes if r[1] == line.class_id]
        assert line.num_boxes == len(areas)
        assert line.num_images == len({row[0] for row in boxes if row[1] == line.class_id})
        assert line.mean_area_share == pytest.approx(np.mean(areas), abs=1e-6)
        assert line.median_area_share == pytest.approx(np.median(areas), abs=1e-6)
    assert statistics.classes["class_id"].tolist() == sorted({row[1] for row in boxes})


def test_text_that_is_stored_as_a_dictionary_is_read_the_same(path, tmp_path):
    rows = [(image, class_id, "train", 0, 0, 0.5, 0.5, "s") for image in "ba" for class_id in "zy"]
    as_text = measured(path, rows)
    frame = annotations(rows).astype(ANNOTATIONS.columns)
    text = [name for name, dtype in ANNOTATIONS.columns.items() if dtype == "str"]
    frame.astype(dict.fromkeys(text, "category")).to_parquet(tmp_path / "coded.parquet", index=False)
    coded = measure_boxes(read_coded_boxes(tmp_path / "coded.parquet", "train"))
    assert coded.histograms == as_text.histograms
    pd.testing.assert_frame_equal(coded.classes, as_text.classes)


def test_a_split_without_a_row_and_a_file_of_another_kind_are_named(path):
    write_table(annotations([("a", "x", "test", 0, 0, 1, 1, "s")]), path, ANNOTATIONS)
    with pytest.raises(ValueError, match=r"boxes\.parquet: has no train box"):
        read_coded_boxes(path, "train")
    path.write_text("no Parquet")
    with pytest.raises(ValueError, match=r"boxes\.parquet: cannot be read as Parquet"):
        read_coded_boxes(path, "train")
