"""Folders of images."""

import pytest

from objectcrop.data.readers.folders import label_image_folders, list_folder, list_image_folders
from objectcrop.study.settings.datasets import FolderDataset, ImageFoldersDataset
from objectcrop.tables import ANNOTATIONS, check

CLASSES = ImageFoldersDataset(source="image_folders", images={"train": "in/train", "validation": "in/val"})


@pytest.fixture
def touch(tmp_path):
    def make(*names: str):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def test_images_are_found_at_any_depth_and_other_files_passed_over(touch):
    root = touch("p/b.JPG", "p/deep/er/a.png", "p/notes.txt", "p/.thumbs/a.jpg", "p/._b.jpg", "other/c.jpg")
    listing = list_folder(FolderDataset(source="folder", images="p"), root)
    assert listing["image_id"].tolist() == ["b.JPG", "deep/er/a.png"]
    assert listing["path"].tolist() == ["p/b.JPG", "p/deep/er/a.png"]
    assert set(listing["split"]) == {"train"}


def test_a_folder_without_images_is_named(touch):
    with pytest.raises(ValueError, match=r"p: there is no image in it"):
        list_folder(FolderDataset(source="folder", images="p"), touch("p/notes.txt"))


def test_the_class_is_the_folder_and_its_box_the_whole_image(touch):
    root = touch("in/train/cat/1.jpg", "in/train/dog/1.jpg", "in/val/cat/1.jpg")
    boxes = check(label_image_folders(list_image_folders(CLASSES, root)), ANNOTATIONS, where="test")
    assert boxes["image_id"].tolist() == ["train/cat/1.jpg", "train/dog/1.jpg", "validation/cat/1.jpg"]
    assert boxes["class_id"].tolist() == ["cat", "dog", "cat"]
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 1, 1]] * 3


def test_an_image_outside_the_class_folders_is_named(touch):
    root = touch("in/train/cat/1.jpg", "in/train/2.jpg", "in/val/cat/1.jpg")
    with pytest.raises(ValueError, match=r"1 image\(s\) are in no class folder, first '2\.jpg'; .*flat_labels\.train"):
        list_image_folders(CLASSES, root)


FLAT = CLASSES.model_copy(update={"flat_labels": {"validation": "in/labels.csv"}})
LABELS = "ImageId,PredictionString\nval_2,n02 1 2 3 4 n02 5 6 7 8 \nval_1,n01\nval_3,n01 1 2 3 4\n"


def test_a_flat_folder_with_labels_is_as_if_it_had_class_folders(touch, capsys):
    root = touch("in/train/n01/1.JPEG", "in/val/val_1.JPEG", "in/val/val_2.JPEG")
    (root / "in/labels.csv").write_text(LABELS)
    listing = list_image_folders(FLAT, root)
    assert listing["image_id"].tolist() == [
        "train/n01/1.JPEG",
        "validation/n01/val_1.JPEG",
        "validation/n02/val_2.JPEG",
    ]
    assert listing["path"].tolist() == ["in/train/n01/1.JPEG", "in/val/val_1.JPEG", "in/val/val_2.JPEG"]
    assert label_image_folders(listing)["class_id"].tolist() == ["n01", "n01", "n02"]
    assert "2 of the 3 images with labels are there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("ImageId,PredictionString\nval_2,n02\n", r"val_1\.JPEG: .*labels\.csv has no label for this image"),
        ("ImageId\nval_1\n", r"labels\.csv: expected the columns ImageId and PredictionString, got \['ImageId'\]"),
        ("", r"labels\.csv: expected the columns"),
        (f"{LABELS}val_1,n02\n", r"labels\.csv, line 5: image 'val_1' occurs more than once"),
        ("ImageId,PredictionString\nval_1,\n", r"labels\.csv, line 2: expected one class, got ''"),
        ("ImageId,PredictionString\nval_1,n01 1 2 3 4 n02 1 2 3 4\n", r"labels\.csv, line 2: expected one class"),
    ],
)
def test_wrong_labels_of_a_flat_folder_are_named(touch, labels, message):
    root = touch("in/train/n01/1.JPEG", "in/val/val_1.JPEG")
    (root / "in/labels.csv").write_text(labels)
    with pytest.raises(ValueError, match=message):
        list_image_folders(FLAT, root)


def test_labels_of_a_split_without_images_are_rejected():
    with pytest.raises(ValueError, match=r"flat_labels: names the split\(s\) test, which images lacks"):
        ImageFoldersDataset(source="image_folders", images={"train": "a"}, flat_labels={"test": "b.csv"})
