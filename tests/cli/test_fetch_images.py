"""The door to fetching: what failed is listed, also when the job fails, and tried again by the next call."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from objectcrop.runtime.atomic import read_json
from objectcrop.tables import IMAGES, write_table
from tests.data.downloads.conftest import jpeg, names
from tests.loopback import running
from workflow_scripts.fetch_images import main

DATASET = {
    "source": "openimages",
    "boxes": {"train": "t.csv"},
    "class_descriptions": "c.csv",
    "images": {"train": "images"},
}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as running_server:
        running_server.contents |= {"/train/a.jpg": jpeg(0), "/train/b.jpg": jpeg(1)}
        yield running_server


@pytest.fixture
def arguments(server, tmp_path):
    subset = pd.DataFrame({"image_id": list("abc")}).assign(split="train", num_boxes=1, num_classes=1)
    write_table(subset, tmp_path / "images.parquet", IMAGES)

    def list_arguments(share: float, base: str = server.address) -> list[str]:
        settings = {"dataset_name": "some", "dataset": DATASET, "download": {}, "max_unreadable_share": share}
        transfer = {"images": {"base": base}, "attempts": 2, "first_wait_s": 0.001}
        return [
            *("--settings", json.dumps(settings), "--transfer", json.dumps(transfer), "--data-root", str(tmp_path)),
            *("--subset-images", str(tmp_path / "images.parquet"), "--annotations"),
            *("--shard", "0", "--out", str(tmp_path / "out/0.json")),
        ]

    return list_arguments


def test_a_failure_within_the_share_is_listed(arguments, server, tmp_path):
    main(arguments(0.4))
    report = read_json(tmp_path / "out/0.json")
    assert (report["num_wanted"], report["num_fetched"], report["num_failed"]) == (3, 2, 1)
    assert report["failures"] == [
        {"image_id": "c", "address": f"{server.address}/train/c.jpg", "reason": "HTTP 404 Not Found", "attempts": 1}
    ]
    assert names(tmp_path / "out") == [".records", "0.json"]


def test_too_many_failures_end_the_job_and_their_list_stays_until_they_are_fetched(arguments, server, tmp_path):
    with pytest.raises(ValueError, match=r"1 images could not be fetched; of 3 in all"):
        main(arguments(0.3))
    assert names(tmp_path / "out") == ["0.failed.json"]
    assert read_json(tmp_path / "out/0.failed.json")["failures"][0]["image_id"] == "c"
    server.contents["/train/c.jpg"] = jpeg(2)
    main(arguments(0.3))
    assert names(tmp_path / "out") == [".records", "0.json"]
    assert server.requests["/train/a.jpg"] == 1


def test_a_source_that_cannot_be_reached_is_one_message(arguments, tmp_path):
    command = [sys.executable, "-m", "workflow_scripts.fetch_images", *arguments(1.0, "http://127.0.0.1:9")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "error: data set some" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()
