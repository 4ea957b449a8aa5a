"""Killed at any moment and started again, a job fetches nothing twice and leaves nothing half-written."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from objectcrop.runtime.atomic import read_json
from objectcrop.tables import IMAGES, write_table
from tests.data.downloads.conftest import jpeg, names

NUM_IMAGES, NUM_KILLS = 420, 20
DATASET = {
    "source": "openimages",
    "boxes": {"train": "boxes.csv"},
    "class_descriptions": "classes.csv",
    "images": {"train": "images"},
}


@pytest.fixture
def arguments(server, tmp_path):
    ids = [f"{number:016x}" for number in range(NUM_IMAGES)]
    write_table(
        pd.DataFrame({"image_id": ids}).assign(split="train", num_boxes=1, num_classes=1),
        tmp_path / "i.parquet",
        IMAGES,
    )
    server.contents |= {f"/train/{name}.jpg": jpeg(number) for number, name in enumerate(ids)}
    server.behaviours |= dict.fromkeys(server.contents, in_halves)
    settings = {
        "dataset_name": "some",
        "dataset": DATASET,
        "download": {},
        "max_unreadable_share": 0,
    }
    transfer = {"images": {"kind": "address", "base": server.address}, "connections": 4}
    return [
        *("--settings", json.dumps(settings), "--transfer", json.dumps(transfer)),
        *("--data-root", str(tmp_path), "--subset-images", str(tmp_path / "i.parquet")),
        *("--shard", "0", "--out", str(tmp_path / "report.json")),
    ]


def in_halves(handler, content, number):
    handler.send_head(200, Content_Length=len(content))
    handler.wfile.write(content[: len(content) // 2])
    handler.wfile.flush()
    time.sleep(0.004)
    handler.send_body(content[len(content) // 2 :])


@pytest.fixture
def forker(root):
    with subprocess.Popen(
        [sys.executable, str(root / "tests/data/downloads/forked.py"), "fetch_images"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    ) as process:
        yield process
        process.stdin.close()


def wait_until(condition, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.slow
def test_twenty_kills_cost_no_image_twice_and_leave_nothing_behind(arguments, forker, server, tmp_path):
    folder = tmp_path / "images"
    draw = random.Random(0)
    whole: set[str] = set()
    num_unfinished_places = 0
    for _ in range(NUM_KILLS):
        before, asked = sum(server.requests.values()), server.requests.copy()
        forker.stdin.write(json.dumps(arguments) + "\n")
        forker.stdin.flush()
        child = int(forker.stdout.readline())
        more = draw.randint(0, 25)
        wait_until(lambda: sum(server.requests.values()) >= before + more)  # noqa: B023
        time.sleep(draw.uniform(0, 0.008))
        os.kill(child, signal.SIGKILL)
        assert int(forker.stdout.readline()) == -signal.SIGKILL
        assert [name for name in whole if server.requests[f"/train/{name}"] > asked[f"/train/{name}"]] == []
        whole = {name for name in names(folder) if name.endswith(".jpg")} if folder.is_dir() else set()
        for name in whole:
            assert (folder / name).read_bytes() == server.contents[f"/train/{name}"], name
        num_unfinished_places += folder.is_dir() and len(names(folder)) > len(whole)
    assert 50 < len(whole) < NUM_IMAGES
    assert num_unfinished_places > NUM_KILLS / 2  # or nothing was in the making when it was killed
    asked = server.requests.copy()
    forker.stdin.write(json.dumps(arguments) + "\n")
    forker.stdin.flush()
    forker.stdout.readline()
    assert int(forker.stdout.readline()) == 0
    assert [name for name in whole if server.requests[f"/train/{name}"] > asked[f"/train/{name}"]] == []
    assert names(folder) == sorted(path.removeprefix("/train/") for path in server.contents)
    assert names(tmp_path) == [".records", "i.parquet", "images", "report.json"]
    for name in names(folder):
        assert (folder / name).read_bytes() == server.contents[f"/train/{name}"], name
    report = read_json(tmp_path / "report.json")
    assert (report["num_already_there"], report["num_fetched"]) == (len(whole), NUM_IMAGES - len(whole))


@pytest.mark.slow
def test_a_signal_ends_the_script_with_its_code_and_without_leftovers(arguments, server, tmp_path, root):
    command = [sys.executable, "-m", "workflow_scripts.fetch_images", *arguments]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: sum(server.requests.values()) > 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert "Traceback" not in process.stderr.read()
    assert not (tmp_path / "report.json").exists()
    assert all(name.endswith(".jpg") for name in names(tmp_path / "images"))
    assert 0 < len(names(tmp_path / "images")) < NUM_IMAGES
