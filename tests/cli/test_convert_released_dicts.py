"""The door to the released lists, and the rules that measure and draw a subset after it."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from objectcrop.runtime.atomic import read_json
from objectcrop.tables import ANNOTATIONS, CLASS_STATISTICS, CLASSES, IMAGES, read_table, write_table
from tests.data.released.pickles import by_hand, saved
from tests.data.released.test_dicts import row
from workflow_scripts import convert_released_dicts, measure_subset, plot_subset

LISTS = {"source": "released_ohms", "of": "base", "train_labels": "new.npy", "train_boxes": "rows.npy"}


@pytest.fixture
def root(tmp_path):
    names = {"class_id": ["/m/1", "/m/2", "/m/3"], "name": ["One", "Two", "Three"], "num_train_images": [5, 5, 5]}
    write_table(pd.DataFrame(names), tmp_path / "names.parquet", CLASSES)
    saved(tmp_path / "new.npy", {"a": ["/m/1", "/m/2"]})
    saved(tmp_path / "rows.npy", {"a": {"data": [row("a"), row("a", "/m/2")]}, "b": {"data": [row("b", "/m/3")]}})
    return tmp_path


def arguments(root, **lists):
    settings = {"dataset_name": "released", "dataset": LISTS | lists}
    outputs = {"images-out": "i.parquet", "classes-out": "c.parquet", "boxes-out": "b.parquet", "summary": "s.json"}
    files = [word for name, file in outputs.items() for word in (f"--{name}", str(root / file))]
    return [
        "--settings",
        json.dumps(settings),
        "--data-root",
        str(root),
        "--classes",
        str(root / "names.parquet"),
        *files,
    ]


def test_the_lists_become_the_tables_of_a_subset_which_is_measured_and_drawn(root, capsys):
    convert_released_dicts.main(arguments(root))
    assert read_table(root / "i.parquet", IMAGES)["image_id"].tolist() == ["a"]
    assert read_table(root / "c.parquet", CLASSES)["name"].tolist() == ["One", "Two"]
    assert len(read_table(root / "b.parquet", ANNOTATIONS)) == 2
    summary = read_json(root / "s.json")
    assert summary["dataset"] == "released"
    assert summary["settings"]["source"] == "released_ohms"
    assert summary["paper"]["num_images"] == 212_753
    assert summary["notes"]["boxes_of_other_images"] == 1
    assert "train: num_images 1, num_classes 2" in capsys.readouterr().out

    settings = json.dumps({"dataset_name": "released", "dataset": LISTS, "base_name": "base"})
    inputs = ["--boxes", root / "b.parquet", "--classes", root / "c.parquet", "--base-boxes", root / "b.parquet"]
    outputs = ["--statistics", root / "statistics.json", "--class-statistics", root / "class_statistics.parquet"]
    measure_subset.main(["--settings", settings, *map(str, inputs + outputs)])
    table = read_table(root / "class_statistics.parquet", CLASS_STATISTICS)
    assert table["num_boxes"].tolist() == [1, 1]
    assert table["mean_area_share"].tolist() == pytest.approx([0.22, 0.22])
    plot_subset.main(["--statistics", str(root / "statistics.json"), "--out", str(root / "figures")])
    assert {"areas.svg", "areas.png", "places.svg"} <= {path.name for path in (root / "figures").iterdir()}


def test_a_hostile_list_ends_with_one_message_and_no_table(root):
    by_hand(root / "evil.npy", b"cposix\nsystem\nX\x0c\x00\x00\x00echo hostile\x85R.")
    command = [
        sys.executable,
        "-m",
        "workflow_scripts.convert_released_dicts",
        *arguments(root, train_labels="evil.npy"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"error: {root}/evil.npy: rejected as a dictionary saved by numpy (it asks for posix.system"
    )
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert not (root / "i.parquet").exists()


def test_a_list_that_is_a_link_out_of_the_data_root_is_read_where_the_settings_allow_it(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "new.npy"
    (root / "new.npy").rename(outside)
    (root / "new.npy").symlink_to(outside)
    with pytest.raises(
        ValueError, match=r"data set released: .*new\.npy -> .*datasets\.released\.allow_links_outside: true"
    ):
        convert_released_dicts.main(arguments(root))
    convert_released_dicts.main(arguments(root, allow_links_outside=True))
    assert read_table(root / "i.parquet", IMAGES)["image_id"].tolist() == ["a"]
