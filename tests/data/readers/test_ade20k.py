"""ADE20K's scene parsing release."""

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.readers.ade20k import class_boxes, list_ade20k, read_ade20k_boxes, read_class_list
from objectcrop.data.stated_sizes import STATED
from objectcrop.study.settings.datasets import Ade20kDataset
from objectcrop.tables import ANNOTATIONS, check

ADE = Ade20kDataset(source="ade20k", folder="ADE")
LIST = "\n".join(
    [
        "Idx\tRatio\tTrain\tVal\tName",
        "1\t0.1576\t11664\t1172\twall                ",
        "2\t0.1072\t6046\t612\tbuilding, edifice   ",
        "3\t0.0878\t8265\t796\tsky\n",
    ]
)


@pytest.fixture
def root(tmp_path):
    """A training image of 10 x 8 pixels with wall (twice) and sky, and a validation image that is unlabelled."""
    folder = tmp_path / "ADE"
    mask = np.zeros((8, 10), dtype=np.uint8)
    mask[0:2, 0:4] = 3
    mask[4, 1] = mask[7, 9] = 1
    for part, stem, labels in [("training", "ADE_train_1", mask), ("validation", "ADE_val_1", np.zeros_like(mask))]:
        for kind in ("images", "annotations"):
            (folder / kind / part).mkdir(parents=True)
        Image.new("RGB", (10, 8), (1, 2, 3)).save(folder / "images" / part / f"{stem}.jpg")
        Image.fromarray(labels).save(folder / "annotations" / part / f"{stem}.png")
    (folder / "objectInfo150.txt").write_text(LIST)
    return tmp_path


def mask_of(root):
    return root / "ADE/annotations/training/ADE_train_1.png"


def test_each_class_of_a_mask_is_one_box_around_all_its_pixels(root):
    boxes = check(read_ade20k_boxes(ADE, root), ANNOTATIONS, where="test")
    assert boxes["class_id"].tolist() == ["wall", "sky"]
    expected = [[0.1, 4 / 8, 1.0, 1.0], [0.0, 0.0, 0.4, 2 / 8]]
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy() == pytest.approx(np.array(expected))
    assert boxes[["is_group_of", "is_crowd", "is_depiction"]].to_numpy().tolist() == [[True, False, False]] * 2
    assert set(boxes["image_id"]) == {"ADE_train_1"}
    assert set(boxes["split"]) == {"train"}


def test_boxes_equal_those_of_a_slow_loop_on_random_masks():
    mask = np.random.default_rng(0).choice(256, size=(31, 47), p=[0.9, *[0.1 / 255] * 255]).astype(np.uint8)
    boxes = class_boxes(mask)
    assert set(boxes) == set(np.unique(mask)) - {0}
    for label, box in boxes.items():
        pixels = [(x, y) for y in range(31) for x in range(47) if mask[y, x] == label]
        xs, ys = zip(*pixels, strict=True)
        assert box == (min(xs) / 47, min(ys) / 31, (max(xs) + 1) / 47, (max(ys) + 1) / 31)


def test_images_of_the_parts_are_listed_without_labels_too(root):
    assert list_ade20k(ADE, root).to_numpy().tolist() == [
        ["ADE_train_1", "ADE/images/training/ADE_train_1.jpg", "train", 10, 8],
        ["ADE_val_1", "ADE/images/validation/ADE_val_1.jpg", "test", 10, 8],
    ]


def test_a_mask_that_is_not_there_or_no_image_states_no_size(root):
    mask_of(root).write_text("broken")
    (root / "ADE/annotations/validation/ADE_val_1.png").unlink()
    assert list_ade20k(ADE, root)[list(STATED)].isna().all(axis=None)


def test_a_mask_of_another_size_is_read_where_the_settings_list_such_images(root):
    Image.new("RGB", (8, 10)).save(root / "ADE/images/training/ADE_train_1.jpg")
    with pytest.raises(ValueError, match=r"ADE_train_1\.png: the mask is 10 x 8, its image 8 x 10 pixels"):
        read_ade20k_boxes(ADE, root)
    assert len(read_ade20k_boxes(ADE.model_copy(update={"size_mismatch": "list"}), root)) == 2


def test_a_part_without_images_is_named(root):
    (root / "ADE/images/validation/ADE_val_1.jpg").unlink()
    with pytest.raises(ValueError, match=r"validation: holds no image that ends in \.jpg"):
        list_ade20k(ADE, root)


def test_an_image_that_cannot_be_opened_keeps_the_boxes_of_its_mask(root):
    (root / "ADE/images/training/ADE_train_1.jpg").write_text("broken")
    assert len(read_ade20k_boxes(ADE, root)) == 2


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (None, "the mask of this image is not there"),
        (
            Image.fromarray(np.full((8, 10), 4, np.uint8)),
            r"class\(es\) \[4\] are not among the 3 of objectInfo150\.txt",
        ),
        (Image.new("L", (10, 7)), "the mask is 10 x 7, its image 10 x 8 pixels"),
        (Image.new("RGB", (10, 8)), "its mode is RGB, expected 8-bit grey"),
    ],
)
def test_a_wrong_mask_is_named(root, mask, message):
    mask_of(root).unlink()
    if mask is not None:
        mask.save(mask_of(root))
    with pytest.raises(ValueError, match=rf"ADE_train_1\.png: .*{message}"):
        read_ade20k_boxes(ADE, root)


def test_a_mask_that_is_cut_off_is_named(root):
    mask_of(root).write_bytes(mask_of(root).read_bytes()[:45])
    with pytest.raises(ValueError, match=r"ADE_train_1\.png: cannot be decoded"):
        read_ade20k_boxes(ADE, root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a header with Idx and Name"),
        ("Idx,Name\n1,wall\n", "line 1: expected a header with Idx and Name, apart by tabs"),
        ("Idx\tName\n1\twall\n0\tsky\n", "line 3: expected an index of 1 to 255 and a name, got '0' and 'sky'"),
        ("Idx\tName\n1\twall\n2\n", "line 3: expected an index of 1 to 255 and a name, got '2' and ''"),
        ("Idx\tName\n1\twall\n2\twall\n", "line 3: index 2 or name 'wall' occurs more than once"),
    ],
)
def test_a_wrong_class_list_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "objectInfo150.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"objectInfo150\.txt, {message}"):
        read_class_list(tmp_path / "objectInfo150.txt")
