"""The door to indexing: files in, files out, one message for a mistake."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from PIL import Image

from objectcrop.runtime.atomic import read_json
from objectcrop.tables import IMAGE_FILES, IMAGES, MANIFEST, read_table, write_table
from workflow_scripts.index_images import main


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data" / "p").mkdir(parents=True)
    for name in ["a", "b", "c"]:
        Image.new("RGB", (20, 10)).save(tmp_path / "data" / "p" / f"{name}.png")
    (tmp_path / "data" / "p" / "d.png").write_text("broken")
    return tmp_path


def arguments(root, settings: dict, *more: str) -> list[str]:
    names = {"out": "manifest.parquet", "files": "files.parquet", "unreadable": "unreadable.json"}
    out = [text for option, name in names.items() for text in (f"--{option}", str(root / "out" / name))]
    return ["--settings", json.dumps(settings), "--data-root", str(root / "data"), *out, *more]


def folder(share: float) -> dict:
    return {
        "dataset_name": "mine",
        "dataset": {"source": "folder", "images": "p", "max_unreadable_share": share},
    }


def test_a_folder_is_indexed_and_its_broken_image_listed(root):
    main(arguments(root, folder(0.5), "--threads", "2", "--subset-images", "--parts"))
    manifest = read_table(root / "out" / "manifest.parquet", MANIFEST)
    assert manifest[["image_id", "width_px", "height_px"]].to_numpy().tolist() == [
        ["a.png", 20, 10],
        ["b.png", 20, 10],
        ["c.png", 20, 10],
    ]
    listed = read_json(root / "out" / "unreadable.json")
    assert listed["unreadable_share"] == 0.25
    assert listed["unreadable"][0]["image_id"] == "d.png"
    files = read_table(root / "out" / "files.parquet", IMAGE_FILES)
    images = [root / "data" / path for path in manifest["path"]]
    assert files["path"].tolist() == manifest["path"].tolist()
    assert files["num_bytes"].tolist() == [image.stat().st_size for image in images]
    assert files["mtime_ns"].tolist() == [image.stat().st_mtime_ns for image in images]


def test_an_ohms_subset_is_found_in_the_folders_of_its_base(root):
    subset = read_subset(root)
    settings = {
        "dataset_name": "some",
        "dataset": {"source": "ohms", "of": "mine"},
        "base_name": "mine",
        "base": folder(0)["dataset"],
    }
    main(arguments(root, settings, "--subset-images", str(subset)))
    assert read_table(root / "out" / "manifest.parquet", MANIFEST)["image_id"].tolist() == ["b.png"]


def read_subset(root):
    path = root / "images.parquet"
    write_table(pd.DataFrame([{"image_id": "b.png", "split": "train", "num_boxes": 2, "num_classes": 2}]), path, IMAGES)
    return path


def test_a_union_joins_the_manifests_and_the_files_of_its_parts(root):
    main(arguments(root, folder(0.5)))
    options, before = [], {}
    for option, name, schema in (("--parts", "manifest", MANIFEST), ("--part-files", "files", IMAGE_FILES)):
        before[name] = read_table(root / "out" / f"{name}.parquet", schema)
        parts = [root / f"first-{name}.parquet", root / f"second-{name}.parquet"]
        write_table(before[name].iloc[:1], parts[0], schema)
        write_table(before[name].iloc[1:], parts[1], schema)
        options += [option, *map(str, parts)]
    settings = {"dataset_name": "both", "dataset": {"source": "union", "parts": ["x", "y"]}}
    main(arguments(root, settings, *options))
    for name, schema in (("manifest", MANIFEST), ("files", IMAGE_FILES)):
        pd.testing.assert_frame_equal(read_table(root / "out" / f"{name}.parquet", schema), before[name])
    assert len(before["files"]) == 3


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "workflow_scripts.index_images", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_too_many_broken_images_end_with_one_message_and_no_manifest(root):
    ended = run(*arguments(root, folder(0.01)))
    assert ended.returncode == 1
    assert "error: data set mine: 1 of 4 images cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (root / "out" / "manifest.parquet").exists()


def test_missing_data_ends_with_one_message_that_names_it(root):
    settings = {"dataset_name": "mine", "dataset": {"source": "folder", "images": "elsewhere"}}
    ended = run(*arguments(root, settings))
    assert ended.returncode == 1
    assert str(root / "data" / "elsewhere") in ended.stderr
    assert "Traceback" not in ended.stderr
