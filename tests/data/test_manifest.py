"""The manifest: every image opened once."""

import errno
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from objectcrop.data.manifest import Index, index_dataset, index_images, join_parts, require_readable, summarize
from objectcrop.data.readers.registry import parse_dataset
from objectcrop.tables import IMAGE_FILES, IMAGES, MANIFEST, check

FOLDER = parse_dataset({"source": "folder", "images": "p"})


@pytest.fixture
def root(tmp_path):
    """Good images of several sizes, one on its side by EXIF, one cut off, one empty, one that is text."""
    folder = tmp_path / "p"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for width in (30, 60, 120):
        Image.fromarray(noise[:, :width]).save(folder / f"w{width}.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise).save(folder / "rotated.jpg", exif=exif)
    whole = (folder / "w120.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no image")
    return tmp_path


def test_sizes_are_those_after_orientation_and_damage_is_listed_with_its_reason(root):
    index = index_dataset("mine", FOLDER, root)
    manifest = check(index.manifest, MANIFEST, where="test")
    sizes = {row.image_id: (row.width_px, row.height_px) for row in manifest.itertuples()}
    assert sizes == {"rotated.jpg": (90, 120), "w30.jpg": (30, 90), "w60.jpg": (60, 90), "w120.jpg": (120, 90)}
    assert manifest["num_bytes"].tolist() == [(root / path).stat().st_size for path in manifest["path"]]
    sums = [hashlib.sha256((root / path).read_bytes()).hexdigest() for path in manifest["path"]]
    assert manifest["digest"].tolist() == [digits[:16] for digits in sums]
    files = check(index.files, IMAGE_FILES, where="test")
    assert files["path"].tolist() == manifest["path"].tolist()
    assert files["mtime_ns"].tolist() == [(root / path).stat().st_mtime_ns for path in manifest["path"]]
    summary = summarize(index)
    assert (summary["num_readable"], summary["num_unreadable"]) == (4, 3)
    assert summary["modes"] == {"RGB": 4}
    assert summary["orientations"] == {"1": 3, "6": 1}
    assert [row["path"] for row in summary["unreadable"]] == ["p/cut.jpg", "p/empty.png", "p/text.jpg"]
    for row, reason in zip(summary["unreadable"], ["truncated", "empty", "not a known"], strict=True):
        assert reason in row["reason"]
        assert str(root) not in row["reason"]


def test_too_many_unreadable_images_stop_with_the_first_reasons(root):
    index = index_dataset("mine", FOLDER, root)
    require_readable(index, name="mine", max_share=3 / 7)
    with pytest.raises(ValueError, match=r"3 of 7 images cannot be read.*p/cut\.jpg: .*datasets\.mine\.max_unread"):
        require_readable(index, name="mine", max_share=0.4)


def test_no_readable_image_stops_whatever_the_share(root):
    index = index_dataset("mine", FOLDER, root)
    with pytest.raises(ValueError, match="3 of 3"):
        require_readable(Index(index.manifest.iloc[:0], index.unreadable), name="mine", max_share=1)


def test_processes_give_the_same_manifest_as_one(root, monkeypatch):
    listing = pd.DataFrame({"image_id": [str(n) for n in range(40)], "path": "p/w30.jpg", "split": "train"})
    listing.loc[7, "path"] = "p/gone.jpg"
    alone = index_images(listing, root)
    monkeypatch.setattr("objectcrop.data.manifest._BATCH", 4)
    together = index_images(listing, root, num_workers=2)
    pd.testing.assert_frame_equal(alone.manifest, together.manifest)
    pd.testing.assert_frame_equal(alone.files, together.files)
    pd.testing.assert_frame_equal(alone.unreadable, together.unreadable)
    assert alone.unreadable["reason"].tolist() == ["there is no such image"]


def test_a_subset_opens_its_images_alone_and_lists_those_that_are_not_there(root):
    subset = pd.DataFrame({"image_id": ["w60.jpg", "lost.jpg"], "split": "train", "num_boxes": 3, "num_classes": 2})
    index = index_dataset("base", FOLDER, root, subset=check(subset, IMAGES, where="test"))
    assert index.manifest["image_id"].tolist() == ["w60.jpg"]
    assert index.unreadable[["image_id", "reason"]].to_numpy().tolist() == [
        ["lost.jpg", "no such image in the folders of base"]
    ]


def test_a_union_is_its_parts_and_rejects_an_id_of_two(root):
    manifest = index_dataset("mine", FOLDER, root).manifest
    files = index_dataset("mine", FOLDER, root).files
    joined = join_parts("both", [manifest.iloc[:2], manifest.iloc[2:]], [files.iloc[:2], files.iloc[2:]])
    pd.testing.assert_frame_equal(joined.manifest, manifest)
    pd.testing.assert_frame_equal(joined.files, files)
    with pytest.raises(ValueError, match=r"both: image id 'rotated\.jpg' names 2 images"):
        join_parts("both", [manifest, manifest.iloc[:1]], [files, files.iloc[:1]])


def test_every_odd_image_is_indexed_or_listed_with_its_reason(root, monkeypatch):
    folder = root / "p"
    for file in folder.iterdir():
        file.unlink()
    colour = Image.new("RGB", (30, 20), (200, 100, 50))
    for mode, suffix in [("L", "jpg"), ("CMYK", "jpg"), ("LA", "png"), ("P", "png"), ("1", "png"), ("RGBA", "tif")]:
        colour.convert(mode).save(folder / f"{mode}.{suffix}")
    Image.fromarray(np.full((20, 30), 40_000, np.uint16)).save(folder / "wide.png")
    Image.fromarray(np.full((20, 30), 0.5, np.float32)).save(folder / "float.tif")
    colour.save(folder / "animated.gif", save_all=True, append_images=[colour.rotate(180, fillcolor=(0, 0, 0))])
    colour.save(folder / "größe 写真.jpg")
    (folder / "hidden.png").mkdir()
    colour.save(folder / "hidden.png" / "inside.png")
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    colour.save(folder / "locked.jpg")
    fail_to_open(folder / "locked.jpg", monkeypatch)
    index = index_dataset("mine", FOLDER, root)
    manifest = check(index.manifest, MANIFEST, where="test")
    assert set(manifest["image_id"]) == {
        *("L.jpg", "CMYK.jpg", "LA.png", "P.png", "1.png", "RGBA.tif", "wide.png", "float.tif"),
        *("animated.gif", "größe 写真.jpg", "hidden.png/inside.png"),
    }
    assert set(manifest["width_px"]) == {30}
    assert summarize(index)["modes"] == dict.fromkeys(["1", "CMYK", "F", "I;16", "L", "LA", "RGBA"], 1) | {
        "P": 2,
        "RGB": 2,
    }
    assert index.unreadable[["path", "reason"]].to_numpy().tolist() == [
        ["p/gone.jpg", "there is no such image"],
        ["p/locked.jpg", "Permission denied"],
    ]


def fail_to_open(path, monkeypatch):
    """As for a user who may not read the file; tests may run as one who may read all."""
    opened = Path.open

    def failing(self, *arguments, **options):
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", failing)


def test_a_folder_in_the_place_of_an_image_is_listed(tmp_path):
    (tmp_path / "a.jpg").mkdir()
    index = index_images(pd.DataFrame([{"image_id": "a", "path": "a.jpg", "split": "train"}]), tmp_path)
    assert index.unreadable["reason"].tolist() == ["is a folder, a device or a pipe, not an image file"]
