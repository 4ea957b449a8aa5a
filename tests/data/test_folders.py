"""Folders of pictures."""

import pytest

from objectcrop.data.folders import label_image_folders, list_folder, list_image_folders
from objectcrop.study.datasets import FolderDataset, ImageFoldersDataset
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


def test_pictures_are_found_at_any_depth_and_other_files_passed_over(touch):
    root = touch("p/b.JPG", "p/deep/er/a.png", "p/notes.txt", "p/.thumbs/a.jpg", "p/._b.jpg", "other/c.jpg")
    listing = list_folder(FolderDataset(source="folder", images="p"), root)
    assert listing["image_id"].tolist() == ["b.JPG", "deep/er/a.png"]
    assert listing["path"].tolist() == ["p/b.JPG", "p/deep/er/a.png"]
    assert set(listing["split"]) == {"train"}


def test_a_folder_without_pictures_is_named(touch):
    with pytest.raises(ValueError, match=r"p: there is no picture in it"):
        list_folder(FolderDataset(source="folder", images="p"), touch("p/notes.txt"))


def test_the_class_is_the_folder_and_its_box_the_whole_picture(touch):
    root = touch("in/train/cat/1.jpg", "in/train/dog/1.jpg", "in/val/cat/1.jpg")
    boxes = check(label_image_folders(list_image_folders(CLASSES, root)), ANNOTATIONS, where="test")
    assert boxes["image_id"].tolist() == ["train/cat/1.jpg", "train/dog/1.jpg", "validation/cat/1.jpg"]
    assert boxes["class_id"].tolist() == ["cat", "dog", "cat"]
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 1, 1]] * 3


def test_a_picture_outside_the_class_folders_is_named(touch):
    root = touch("in/train/cat/1.jpg", "in/train/2.jpg", "in/val/cat/1.jpg")
    with pytest.raises(ValueError, match=r"1 picture\(s\) lie in no class folder, first '2\.jpg'"):
        list_image_folders(CLASSES, root)
