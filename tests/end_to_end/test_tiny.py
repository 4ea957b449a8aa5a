"""The whole chain on a few dozen drawn scenes: each file that people and machines read is there and holds together."""

import base64
import csv
import json
import pickle

import pytest

from objectcrop.identity.record import read_record
from objectcrop.registry.entry import read_entries
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]

RUNS = ("random-init", "supervised", "scene-scene", "obj-dilate", "oac")
OF_SIZES = {"map_small", "map_medium", "map_large"} | {f"{kind}AP{size}" for kind in ("", "mask_") for size in "sml"}


@pytest.fixture
def results(finished):
    return finished.folder / "results"


def test_the_subset_is_made_of_the_drawn_scenes(results):
    drawn = read_table(results / "images/drawn/manifest.parquet", MANIFEST)
    subset = read_table(results / "images/ohms/manifest.parquet", MANIFEST)
    assert len(drawn) == 64 + 24
    assert set(subset.image_id) <= set(drawn.image_id)
    boxes = read_table(results / "annotations/ohms.parquet", ANNOTATIONS)
    assert (boxes.groupby("image_id").class_id.nunique() >= 2).all()
    summary = json.loads((results / "ohms/ohms/summary.json").read_text())
    assert json.dumps(summary).count("212753") >= 1


def test_every_training_image_has_at_most_ten_proposals_inside_it(results):
    manifest = read_table(results / "images/ohms/manifest.parquet", MANIFEST).set_index("image_id")
    proposals = read_table(results / "proposals/ohms/lod.parquet", PROPOSALS)
    assert set(proposals.image_id) <= set(manifest.index[manifest.split == "train"])
    assert proposals.groupby("image_id").size().max() <= 10
    sizes = manifest.loc[proposals.image_id]
    assert (proposals.x1.to_numpy() >= 0).all()
    assert (proposals.x2.to_numpy() <= sizes.width_px.to_numpy() + 1e-3).all()
    assert (proposals.y2.to_numpy() <= sizes.height_px.to_numpy() + 1e-3).all()
    assert "label-free" in json.loads((results / "proposals/ohms/lod.json").read_text())["features"]


@pytest.mark.parametrize("run", RUNS)
def test_every_run_leaves_weights_and_what_they_were_made_with(results, run):
    folder = results / "pretrain" / run / "s0"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["run"] == run
    assert summary["settings_hash"]
    assert (folder / "backbone.safetensors").stat().st_size > 1000
    if run not in ("random-init",):
        assert summary["cost"]["images_seen"] > 0
        assert summary["history"]


def test_the_extra_losses_are_in_the_history_of_the_run_that_asks_for_them(results):
    def parts(run):
        return json.loads((results / f"pretrain/{run}/s0/summary.json").read_text())["history"][-1]

    assert "loss_rotation" in parts("oac")
    assert "loss_localization" in parts("oac")
    assert "loss_rotation" not in parts("obj-dilate")


def test_the_detector_weights_hold_arrays_only(results):
    with (results / "export/oac/s0/backbone_d2.pkl").open("rb") as file:
        exported = pickle.load(file)
    assert {type(value).__module__ for value in exported["model"].values()} == {"numpy"}


def test_the_table_shows_the_measured_numbers_and_the_papers(results):
    measured = json.loads((results / "eval/oac/s0/linear.json").read_text())["metrics"]["map"]
    with (results / "tables/linear-demo.csv").open() as file:
        text = file.read()
    assert f"{measured:.1f}" in text
    assert "59.7" in text
    assert len(list(csv.reader(text.splitlines()))) >= 6


def test_the_page_stands_alone_and_shows_every_table(results):
    page = (results / "report/index.html").read_text()
    assert "Linear evaluation on the drawn OHMS subset" in page
    assert "Fine-tuned detection on the drawn scenes" in page
    assert 'src="http' not in page
    assert page.count("data:image/") >= 3
    assert "Do crops of objects give better features than crops of whole scenes?" in page
    assert 'href="#made/oac/linear"' in page
    assert "results/eval/oac/s0/linear.json" in page


def test_the_page_shows_what_the_subset_is_like_and_that_drawn_scenes_do_not_compare_with_the_paper(results):
    page = (results / "report/index.html").read_text()
    assert "The comparison does not apply: ohms was selected from drawn, which is drawn data" in page
    for figure in ("ohms/ohms/figures/areas.svg", "classes/linear-demo/area.svg", "figures/linear-demo/rows.svg"):
        assert base64.b64encode((results / figure).read_bytes()).decode() in page
        assert (results / figure).with_suffix(".png").is_file()
    statistics = json.loads((results / "ohms/ohms/statistics.json").read_text())
    boxes = read_table(results / "ohms/ohms/boxes.parquet", ANNOTATIONS)
    assert statistics["subset_counts"]["num_boxes"] == int((boxes["split"] == "train").sum())
    assert statistics["base_counts"]["num_images"] <= 64


def test_the_fiftyone_export_is_whole(results):
    manifest = json.loads((results / "inspect/ohms/lod/fiftyone/manifest.json").read_text())
    assert manifest
    assert (results / "inspect/ohms/lod/fiftyone/samples.json").is_file()


def test_every_metric_is_a_percentage(results):
    files = sorted((results / "eval").glob("*/s*/*.json"))
    assert len(files) == 9
    for file in files:
        metrics = json.loads(file.read_text())["metrics"]
        metrics.pop("learning_rate", None)
        undefined = {name for name, value in metrics.items() if value is None}
        assert undefined <= OF_SIZES, file  # no object of that size
        assert all(0 <= metrics[name] <= 100 for name in metrics.keys() - undefined), file


def test_every_result_and_its_record_state_what_it_was_made_with_and_what_it_took(results):
    """Settings, digests, commit and whether it was dirty, versions, seeds, device, precision, time on the clock and on GPUs."""
    files = sorted((results / "eval").glob("*/s*/*.json"))
    assert len(files) == 9
    for file in files:
        result, record = json.loads(file.read_text()), read_record(file)
        assert {"settings", "settings_hash", "seed", "precision", "cost", "provenance"} <= result.keys(), file
        assert {"commit", "revision", "is_dirty", "versions", "python", "device"} <= result["provenance"].keys(), file
        assert result["provenance"]["device"]["kind"] == "cpu"
        assert result["provenance"]["device"]["num_threads"] == 1, file
        assert record.settings["study_seed"] == 0
        assert record.options == {"seed": result["seed"]}
        assert all(len(entry.sha256) == 64 for entry in (*record.all_inputs(), record.output))
        assert {
            "command",
            "seconds",
            "num_gpus",
            "gpu_seconds",
            "revision",
            "is_dirty",
            "device",
        } <= record.story.keys()


def test_the_runs_are_listed_with_every_result_that_the_study_plans(results):
    entries = read_entries(results)
    assert sorted(entry.run for entry in entries) == sorted(RUNS)
    assert [entry.missing for entry in entries] == [()] * len(RUNS)
    (oac,) = (entry for entry in entries if entry.run == "oac")
    assert {"linear.map", "detect-voc.AP", "segment-coco.mask_AP"} <= oac.metrics.keys()
    assert oac.progress.share == 1
