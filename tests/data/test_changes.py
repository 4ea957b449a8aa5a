"""The lists of what changed: younger than what was made from it, or older."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.changes import Watched, note_changes
from objectcrop.data.watch import images_behind
from objectcrop.identity.record import Record, input_of, write_record
from objectcrop.study.settings.datasets import FolderDataset
from objectcrop.tables import ANNOTATIONS, IMAGE_FILES, MANIFEST, empty_table, write_table


@pytest.fixture
def watched(tmp_path):
    """Two images that were indexed, and a file that annotations were read from."""
    from objectcrop.data.manifest import index_dataset

    root = tmp_path / "data"
    (root / "photos").mkdir(parents=True)
    for name in "ab":
        Image.fromarray(np.full((8, 8, 3), ord(name), np.uint8)).save(root / f"photos/{name}.png")
    (root / "boxes.csv").write_text("boxes")
    index = index_dataset("own", FolderDataset(source="folder", images="photos"), root, num_workers=1)
    made = Watched(*(tmp_path / name for name in ("manifest.parquet", "files.parquet", "a.parquet", "i", "n")), root)
    write_table(index.manifest, made.manifest, MANIFEST)
    write_table(index.files, made.files, IMAGE_FILES)
    write_table(empty_table(ANNOTATIONS), made.annotations, ANNOTATIONS)
    outside = {"outside": [input_of(root / "boxes.csv")]}
    story = {"data_root": str(root), "outputs": [str(made.files)]}
    annotations = input_of(made.annotations)
    write_record(Record(annotations.path, annotations, "read_annotations", {}, {}, "c", outside, story))
    note_changes([made], is_checked=True)
    for path in (made.changed_images, made.changed_annotations):
        assert json.loads(path.read_text()) == {"changed": []}
    return made


def is_younger(path, than):
    return path.stat().st_mtime_ns > than.stat().st_mtime_ns


def test_a_changed_image_makes_the_list_of_images_younger_until_it_is_put_back(watched):
    image = watched.data_root / "photos/a.png"
    before = image.read_bytes()
    image.write_bytes(before + b"\0")
    note_changes([watched], is_checked=True)
    assert json.loads(watched.changed_images.read_text()) == {"changed": ["photos/a.png"]}
    assert is_younger(watched.changed_images, watched.manifest)
    assert not is_younger(watched.changed_annotations, watched.annotations)
    image.write_bytes(before)
    note_changes([watched], is_checked=True)
    assert json.loads(watched.changed_images.read_text()) == {"changed": []}
    assert not is_younger(watched.changed_images, watched.manifest)


def test_changed_annotations_make_their_own_list_younger(watched):
    file = watched.data_root / "boxes.csv"
    os.utime(file, ns=(5, 5))
    note_changes([watched], is_checked=True)
    assert not is_younger(watched.changed_annotations, watched.annotations)
    file.write_text("other boxes")
    note_changes([watched], is_checked=True)
    assert json.loads(watched.changed_annotations.read_text()) == {"changed": [file.as_posix()]}
    assert is_younger(watched.changed_annotations, watched.annotations)
    assert not is_younger(watched.changed_images, watched.manifest)


def test_a_study_that_trusts_its_images_looks_at_none(watched):
    (watched.data_root / "photos/a.png").unlink()
    note_changes([watched], is_checked=False)
    assert not is_younger(watched.changed_images, watched.manifest)


def test_a_moved_data_root_changes_nothing(watched, tmp_path):
    moved = watched.data_root.rename(tmp_path / "elsewhere")
    note_changes([watched._replace(data_root=moved)], is_checked=True)
    assert not is_younger(watched.changed_images, watched.manifest)
    assert not is_younger(watched.changed_annotations, watched.annotations)


def test_the_record_of_a_manifest_stands_for_the_images_behind_it(watched, tmp_path):
    manifest = input_of(watched.manifest)
    story = {"data_root": str(watched.data_root), "outputs": [str(watched.files)]}
    record = Record(manifest.path, manifest, "index_images", {}, {}, "c", {}, story)
    assert images_behind()(record) is None
    assert images_behind()(record._replace(rule="other")) is None
    (watched.data_root / "photos/b.png").unlink()
    assert images_behind()(record) == "lists 1 image(s) that changed since (photos/b.png): run snakemake again"
    assert images_behind(watched.data_root)(record) is not None
