"""Images in folders, by name alone."""

import pytest

from objectcrop.data.readers.image_search import find_images, images_under


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "b.PNG", "part_0/c.jpg", "part_1/deep/d.jpeg", "part_1/a.webp", ".thumbs/e.jpg", "é 1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_flat_folder_is_searched_for_the_name_and_its_ending(folder):
    assert find_images(["a", "b", "c", "é 1", "../a"], folder) == {"a": "a.jpg", "é 1": "é 1.jpg"}
    assert find_images(["a", "b"], folder, suffixes=(".jpg", ".PNG")) == {"a": "a.jpg", "b": "b.PNG"}
    assert find_images(["a.jpg", "a"], folder, suffixes=("",)) == {"a.jpg": "a.jpg"}


def test_sub_folders_are_searched_by_name_and_by_path(folder):
    files = find_images(["c", "part_1/deep/d", "d", "e"], folder, suffixes=(".jpg", ".jpeg"), nested=True)
    assert files == {"c": "part_0/c.jpg", "part_1/deep/d": "part_1/deep/d.jpeg", "d": "part_1/deep/d.jpeg"}


def test_two_files_of_one_id_are_named(folder):
    with pytest.raises(ValueError, match=r"image id 'a' has two files \(a\.jpg, part_1/a\.webp\)"):
        find_images(["a"], folder, suffixes=(".jpg", ".webp"), nested=True)
    (folder / "a.png").touch()
    with pytest.raises(ValueError, match=r"image id 'a' has two files \(a\.jpg, a\.png\)"):
        find_images(["a"], folder, suffixes=(".jpg", ".png"))
    assert find_images(["a"], folder, suffixes=(".jpg",)) == {"a": "a.jpg"}


def test_links_to_folders_are_followed_and_a_circle_is_named(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "f.jpg").touch()
    (folder / "linked").symlink_to(elsewhere)
    assert "linked/f.jpg" in images_under(folder)
    (folder / "part_0" / "up").symlink_to(folder)
    with pytest.raises(ValueError, match="up: is a link to a folder that it is in"):
        images_under(folder)


def test_a_folder_that_is_named_as_an_image_is_a_folder_and_a_dangling_link_is_listed(folder):
    (folder / "x.jpg").mkdir()
    (folder / "x.jpg" / "y.jpg").touch()
    (folder / "gone.jpg").symlink_to(folder / "nowhere")
    names = images_under(folder)
    assert "x.jpg" not in names
    assert {"x.jpg/y.jpg", "gone.jpg", "é 1.jpg"} <= set(names)
