"""The door to drawing: scenes and a summary, one message for a mistake."""

import json
import subprocess
import sys

import pytest

from objectcrop.runtime.atomic import read_json
from workflow_scripts.draw_scenes import main

DATASET = {"source": "drawn", "num_train": 4, "num_test": 2, "width_px": 96, "height_px": 64, "num_classes": 3}


def arguments(root, dataset: dict) -> list[str]:
    settings = json.dumps({"dataset_name": "mine", "dataset": dataset})
    return ["--settings", settings, "--data-root", str(root / "data"), "--out", str(root / "out" / "mine.json")]


def test_scenes_are_drawn_and_summed_up(tmp_path):
    main(arguments(tmp_path, DATASET))
    summary = read_json(tmp_path / "out" / "mine.json")
    assert summary["settings"] == summary["settings"] | DATASET
    assert summary["num_drawn_now"] == 6
    train = summary["splits"]["train"]
    assert train["num_scenes"] == 4
    assert sum(train["objects_of_class"].values()) == train["num_objects"]
    assert set(train["objects_of_class"]) == {"striped disc", "checked tile", "dotted triangle"}
    assert 0 < train["box_area_share_median"] < 0.7
    assert len(list((tmp_path / "data" / "drawn" / "mine" / "train").glob("*.jpg"))) == 4


def test_a_second_call_draws_nothing_and_says_the_same_of_the_scenes(tmp_path):
    main(arguments(tmp_path, DATASET))
    first = read_json(tmp_path / "out" / "mine.json")
    main(arguments(tmp_path, DATASET))
    second = read_json(tmp_path / "out" / "mine.json")
    assert second["num_drawn_now"] == 0
    assert second["splits"] == first["splits"]


def test_a_data_set_that_is_not_drawn_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="Input should be 'drawn'"):
        main(arguments(tmp_path, {"source": "folder", "images": "p"}))


def test_a_mistake_in_the_settings_is_one_message(tmp_path, root):
    command = [sys.executable, "-m", "workflow_scripts.draw_scenes", *arguments(tmp_path, DATASET | {"num_clases": 3})]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "num_clases" in done.stderr
    assert "Traceback" not in done.stderr
