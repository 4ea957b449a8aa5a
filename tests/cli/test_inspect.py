"""The door to the App: what is imported, who is let in, how it ends, and what is drawn."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.inspection.small_study import NUM_IMAGES, ROOT, build, call, write_study

pytestmark = pytest.mark.xdist_group("inspect")  # its fixtures are made once

EXPORT = Path("results/inspect/drawn/lod/fiftyone")
DATASET = "drawn-lod"
FOUND, MISSED = (0x00, 0x9E, 0x73), (0xD5, 0x5E, 0x00)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

IN_DATABASE = """
import json
from objectcrop.inspection.database import database
from objectcrop.inspection.export import load_export
with database(".objectcrop/fiftyone"):
    import fiftyone as fo
    dataset = load_export("results/inspect/drawn/lod/fiftyone", data_root="data")
    {code}
"""


def in_database(folder, code):
    """Run code on the data set, which is imported where need be; all lines that it prints."""
    text = IN_DATABASE.format(code=code.replace("\n", "\n    "))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"))
    build(folder)
    return folder


@pytest.fixture
def copy(built, tmp_path):
    return Path(shutil.copytree(built, tmp_path / "study", ignore=shutil.ignore_patterns(".objectcrop")))


@pytest.mark.slow
def test_only_a_changed_export_is_imported_and_then_tags_and_views_of_people_stay(copy):
    said = in_database(
        copy,
        "sample = dataset.match(fo.ViewField('image_id') == 'scene-1').first()\n"
        "sample.tags = ['odd']; sample.proposals.detections[1].tags = ['good']; sample.save()\n"
        "dataset.save_view('Mine', dataset.match_tags('odd'))",
    )
    assert any("Importing" in line for line in said)
    manifest = json.loads((copy / EXPORT / "manifest.json").read_text())
    (copy / EXPORT / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 0}))
    said = call("inspect", "--no-launch", cwd=copy).stdout
    assert "Importing" in said
    assert f"{DATASET}: {NUM_IMAGES} images" in said
    said = in_database(
        copy,
        "sample = dataset.load_saved_view('Mine').first()\n"
        "print(json.dumps({'id': sample.image_id, 'tags': [box.tags for box in sample.proposals.detections],"
        " 'paths': dataset.values('filepath'), 'indexes': dataset.list_indexes(), 'names': fo.list_datasets(),"
        " 'views': {name: len(dataset.load_saved_view(name)) for name in dataset.list_saved_views()}}))",
    )
    assert not any("Importing" in line for line in said), "an unchanged export was imported again"
    database = json.loads(said[-1])
    assert (database["id"], database["tags"]) == ("scene-1", [[], ["good"]])
    assert database["paths"] == [str(copy / f"data/scenes/scene-{number}.jpg") for number in range(NUM_IMAGES)]
    assert "num_missed" in database["indexes"]
    assert database["names"] == [DATASET]
    assert database["views"] == {
        "Best covered": 2,
        "CorLoc failures": 5,
        "Crops that miss every object": 2,
        "Mine": 1,
        "Missed object patches": 4,
        "Missed objects": 4,
        "No proposals": 2,
        "Proposal patches": 5,
        "Tiny objects": 0,
        "Top proposal only": NUM_IMAGES,
    }


def test_a_damaged_export_is_rejected(copy):
    with (copy / EXPORT / "samples.json").open("a") as file:
        file.write(" ")
    done = call("inspect", "--no-launch", cwd=copy, check=False)
    assert done.returncode == 1
    assert "samples.json is not the file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_data_root_is_named(copy):
    done = call("inspect", "--no-launch", "--data-root", "elsewhere", cwd=copy, check=False)
    assert done.returncode == 1
    assert "--data-root" in done.stderr


def test_without_an_export_the_message_says_how_to_build_one(tmp_path):
    done = call("inspect", cwd=tmp_path, check=False)
    assert (done.returncode, "snakemake --cores all" in done.stderr) == (1, True)


def test_a_port_in_use_is_named(built):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        done = call("inspect", "--port", str(holder.getsockname()[1]), cwd=built, check=False)
    assert done.returncode == 1
    assert "Choose another with --port" in done.stderr


@pytest.fixture(scope="module")
def app(built):
    """Address of a running App; ended by Ctrl-C."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "workflow_scripts.inspect", "--port", str(port), "--token", "sesame"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=built, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        address = next((line.strip() for line in process.stdout if "/datasets/" in line), None)
        assert address == f"http://127.0.0.1:{port}/datasets/{DATASET}?token=sesame"
        base = f"http://127.0.0.1:{port}"
        wait_until(base)
        yield base
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(20) == 0, said
        assert "Traceback" not in said


def wait_until(base):
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(base, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < deadline, "the App does not answer"
            time.sleep(0.1)


def status(address, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.slow
def test_the_app_answers_only_to_the_token_under_its_name_and_with_its_images(app, built):
    cookie = f"objectcrop_{app.rsplit(':', 1)[1]}=sesame"
    assert status(f"{app}/fiftyone") == 403
    assert status(f"{app}/fiftyone", Cookie=cookie, Host="evil.example") == 421
    assert status(f"{app}/media?filepath=/etc/passwd", Cookie=cookie) == 404
    assert status(f"{app}/media?filepath={built}/data/scenes/scene-0.jpg", Cookie=cookie) == 200
    assert status(f"{app}/fiftyone", Cookie=cookie) == 200


@pytest.mark.slow
def test_a_second_app_on_the_same_folder_is_rejected(app, built):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = call("inspect", "--port", str(port), cwd=built, check=False)
    assert done.returncode == 1
    assert "is in use by another process" in done.stderr


@pytest.fixture(scope="module")
def page(app):
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    elsewhere = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = browser.new_context(viewport={"width": 1400, "height": 850})
        context.add_init_script("localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true')")
        page = context.new_page()
        page.on(
            "response", lambda r: r.url.startswith("http") and not r.url.startswith(app) and elsewhere.append(r.url)
        )
        yield page
        browser.close()
    assert elsewhere == [], "the page reached another host"


def show(page, app, view=""):
    page.goto(f"{app}/datasets/{DATASET}?token=sesame{view}")
    # the tile is there before its image is painted
    page.wait_for_selector('[data-cy="looker"] canvas[canvas-loaded="true"]', timeout=60_000)
    page.wait_for_timeout(1500)


def pixels(png, colour, tolerance=20):
    image = np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=int)
    return int((abs(image - colour).max(axis=-1) < tolerance).sum())


@pytest.mark.browser
@pytest.mark.slow
def test_the_app_shows_every_image_and_its_saved_views(page, app):
    show(page, app)
    assert page.locator("[data-cy=entry-counts]").inner_text() == f"{NUM_IMAGES} samples"
    show(page, app, "&view=no-proposals")
    assert page.locator("[data-cy=entry-counts]").inner_text() == "2 samples"


@pytest.mark.browser
@pytest.mark.slow
def test_boxes_are_drawn_in_the_colours_of_their_meaning(page, app):
    show(page, app, "&view=best-covered")
    page.locator('[data-cy="looker"]').first.click()
    page.wait_for_selector('[data-cy=modal] canvas[canvas-loaded="true"]')
    page.wait_for_timeout(1500)
    image = page.locator("[data-cy=modal-looker-container]")
    # the proposal is the object's box, and which of two equal boxes is in front is the app's choice
    page.locator('[data-cy=modal] [data-cy="checkbox-proposals"]').click()
    page.wait_for_timeout(1500)
    screenshot = image.screenshot()
    assert pixels(screenshot, FOUND) > 300, "no found object in its colour"
    assert pixels(screenshot, MISSED) < 50, "a missed object where none is missed"
    page.locator('[data-cy=modal] [data-cy="checkbox-ground_truth"]').click()
    page.wait_for_timeout(1500)
    assert pixels(image.screenshot(), FOUND) < pixels(screenshot, FOUND) / 2, "the box stays when its layer is off"
