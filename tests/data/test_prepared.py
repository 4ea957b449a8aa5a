"""Smaller copies: what they show, and that nothing is made twice."""

import json

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.images import decode_image
from objectcrop.data.manifest import index_dataset
from objectcrop.data.prepared import copy_path, prepare_dataset
from objectcrop.data.readers.registry import parse_dataset
from objectcrop.study.settings.datasets import PreparedDataset
from objectcrop.tables import IMAGE_FILES, MANIFEST, check

FOLDER = parse_dataset({"source": "folder", "images": "p"})
SETTINGS = PreparedDataset(source="prepared", of="mine", long_side_px=64, quality=95)


@pytest.fixture
def root(tmp_path, photograph):
    """A long JPEG, one that EXIF turns by a quarter, a short JPEG, a short PNG of grey in a folder of its own."""
    (tmp_path / "p/below").mkdir(parents=True)
    long = photograph.resize((300, 200), Image.Resampling.BICUBIC)
    long.save(tmp_path / "p/long.jpg", quality=98)
    exif = Image.Exif()
    exif[0x0112] = 6
    long.save(tmp_path / "p/rotated.jpg", quality=98, exif=exif)
    photograph.save(tmp_path / "p/short.jpg")
    photograph.convert("L").save(tmp_path / "p/below/short.png")
    return tmp_path


def manifest_of(root):
    return index_dataset("mine", FOLDER, root).manifest


def prepared(root, settings=SETTINGS, **more):
    index = prepare_dataset("small", settings, manifest_of(root), root, **more)
    return index.manifest.set_index("image_id"), index


def times(root):
    return {path.name: path.stat().st_mtime_ns for path in (root / "prepared/small").rglob("*.jpg")}


def test_copies_are_listed_as_they_are_and_keep_ids_and_splits(root):
    rows, index = prepared(root)
    check(index.manifest, MANIFEST, where="test")
    check(index.files, IMAGE_FILES, where="test")
    sizes = {"long.jpg": (64, 43), "rotated.jpg": (43, 64), "short.jpg": (60, 40), "below/short.png": (60, 40)}
    assert {name: (row.width_px, row.height_px) for name, row in rows.iterrows()} == sizes
    assert set(rows["split"]) == {"train"}
    again = index_dataset("small", parse_dataset({"source": "folder", "images": "prepared/small"}), root)
    found = again.manifest.set_index("path")
    for row in rows.itertuples():
        columns = ["width_px", "height_px", "num_bytes", "digest"]
        assert found.loc[row.path, columns].tolist() == [getattr(row, name) for name in columns]
    assert index.files["mtime_ns"].tolist() == [(root / path).stat().st_mtime_ns for path in index.files["path"]]


@pytest.mark.parametrize("name", ["long.jpg", "rotated.jpg"])
def test_a_long_image_is_upright_and_resized_as_pillow_does(root, name):
    rows, _ = prepared(root)
    shown = decode_image(root / rows.loc[name, "path"]).astype(float)
    whole = Image.fromarray(decode_image(root / f"p/{name}"))
    expected = np.asarray(whole.resize(shown.shape[1::-1], Image.Resampling.LANCZOS), dtype=float)
    assert 10 * np.log10(255**2 / ((shown - expected) ** 2).mean()) > 36  # what quality 95 leaves


def test_a_jpeg_that_is_short_enough_stays_byte_for_byte_and_other_formats_become_jpegs(root):
    rows, _ = prepared(root)
    assert (root / rows.loc["short.jpg", "path"]).read_bytes() == (root / "p/short.jpg").read_bytes()
    with Image.open(root / rows.loc["below/short.png", "path"]) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")


def test_nothing_is_made_twice_with_any_number_of_processes(root):
    first, _ = prepared(root, num_workers=2)
    before = times(root)
    second, _ = prepared(root)
    assert times(root) == before
    assert first.equals(second)


def test_a_changed_an_added_and_a_removed_image_cost_their_own_folders(root, photograph):
    prepared(root)
    before = times(root)
    photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "p/short.jpg")
    photograph.save(root / "p/new.jpg")
    (root / "p/rotated.jpg").unlink()
    rows, _ = prepared(root)
    assert sorted(rows.index) == ["below/short.png", "long.jpg", "new.jpg", "short.jpg"]
    assert (root / rows.loc["short.jpg", "path"]).read_bytes() == (root / "p/short.jpg").read_bytes()
    after = times(root)
    assert {name for name in after if after[name] == before.get(name)} == {
        copy_path(name).rpartition("/")[2] for name in ("long.jpg", "below/short.png")
    }


def test_a_lost_copy_is_made_again(root):
    rows, _ = prepared(root)
    (root / rows.loc["long.jpg", "path"]).unlink()
    assert (root / prepared(root)[0].loc["long.jpg", "path"]).is_file()


def test_other_settings_make_everything_again(root):
    prepared(root)
    rows, _ = prepared(root, SETTINGS.model_copy(update={"long_side_px": 100}))
    assert rows.loc["long.jpg", "width_px"] == 100


def test_an_image_that_cannot_be_decoded_is_named_and_the_others_are_not_made_again(root):
    manifest = manifest_of(root)
    whole = (root / "p/long.jpg").read_bytes()
    (root / "p/long.jpg").write_bytes(whole[:2000])
    with pytest.raises(ValueError, match=r"p/long\.jpg: cannot be decoded"):
        prepare_dataset("small", SETTINGS, manifest, root, num_workers=2)
    before = times(root)
    (root / "p/long.jpg").write_bytes(whole)
    prepare_dataset("small", SETTINGS, manifest, root)
    assert before.items() <= times(root).items()
    assert len(before) >= 1


def test_a_folder_of_somebody_else_is_left_alone(root):
    (root / "prepared/small").mkdir(parents=True)
    (root / "prepared/small/mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not made here"):
        prepared(root)
    assert (root / "prepared/small/mine.txt").is_file()


def test_a_record_without_its_images_does_not_count(root):
    rows, _ = prepared(root)
    path = root / rows.loc["long.jpg", "path"]
    record = root / "prepared/small/records" / f"{path.parent.name}.json"
    path.write_bytes(b"\xff\xd8 cut")
    assert json.loads(record.read_text())["prepared"]
    assert decode_image(root / prepared(root)[0].loc["long.jpg", "path"]).shape == (43, 64, 3)
