"""Images that changed since they were indexed."""

import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from objectcrop.data import watch
from objectcrop.data.manifest import index_dataset
from objectcrop.data.readers.registry import parse_dataset
from objectcrop.data.watch import changed_images

FOLDER = parse_dataset({"source": "folder", "images": "p"})


@pytest.fixture
def root(tmp_path):
    (tmp_path / "p").mkdir()
    for number in range(5):
        Image.fromarray(np.full((8, 12, 3), 20 * number, np.uint8)).save(tmp_path / "p" / f"{number}.png")
    return tmp_path


@pytest.fixture
def changed(root):
    """Index now; later say what changed, here or under another root."""
    index = index_dataset("mine", FOLDER, root)
    return lambda at=root: changed_images(index.files, index.manifest, at)


def later(path, seconds=10):
    """Move a file's time of change on, as an edit would."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + seconds * 10**9))


def flipped(path):
    """Flip a bit, so that the size stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_nothing_changed_reads_no_image(changed, monkeypatch):
    monkeypatch.setattr(watch, "file_digest", lambda path: pytest.fail(f"{path} was read"))
    assert changed() == []


def test_one_that_is_gone_has_another_size_or_other_bytes_is_named(root, changed):
    (root / "p/0.png").unlink()
    (root / "p/1.png").write_bytes((root / "p/1.png").read_bytes() + b"x")
    flipped(root / "p/2.png")
    later(root / "p/2.png")
    assert changed() == ["p/0.png", "p/1.png", "p/2.png"]


def test_another_size_is_a_change_whatever_the_time_says(root, changed):
    before = (root / "p/1.png").stat()
    (root / "p/1.png").write_bytes(b"short")
    os.utime(root / "p/1.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changed() == ["p/1.png"]


def test_a_touch_and_a_copy_of_the_data_set_change_nothing(root, changed, tmp_path_factory):
    for path in (root / "p").iterdir():
        later(path)
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(root, copy, copy_function=shutil.copyfile)
    assert changed() == []
    assert changed(copy) == []
    flipped(copy / "p/3.png")
    assert changed(copy) == ["p/3.png"]


def test_a_folder_or_a_file_in_the_place_of_a_folder_is_a_change(root, changed):
    (root / "p/0.png").unlink()
    (root / "p/0.png").mkdir()
    assert changed() == ["p/0.png"]
    shutil.rmtree(root / "p")
    (root / "p").touch()
    assert changed() == [f"p/{number}.png" for number in range(5)]


def test_an_image_that_two_parts_of_a_union_hold_is_named_once(root):
    index = index_dataset("mine", FOLDER, root)
    files, manifest = (pd.concat([table, table], ignore_index=True) for table in (index.files, index.manifest))
    (root / "p/4.png").unlink()
    assert changed_images(files, manifest, root) == ["p/4.png"]


def test_tables_of_two_indexings_are_rejected(root):
    index = index_dataset("mine", FOLDER, root)
    with pytest.raises(
        ValueError, match=r"files \(4 rows\) and the manifest \(5 rows\) are not of one indexing; run index_images"
    ):
        changed_images(index.files.iloc[:4], index.manifest, root)


def test_a_hundred_thousand_unchanged_images_take_less_than_two_seconds_of_the_processor(tmp_path):
    names = [f"{number:05d}" for number in range(10_000)]
    for name in names:
        (tmp_path / name).touch()
    rows = [(name, 0, os.stat(tmp_path / name).st_mtime_ns) for name in names] * 10
    files = pd.DataFrame(rows, columns=["path", "num_bytes", "mtime_ns"])
    started = time.process_time()
    assert changed_images(files, files.assign(digest=""), tmp_path) == []
    assert time.process_time() - started < 2
