"""What benchmarks/effect.py collects, and the words of its page."""

import json
import sys

import cv2
import numpy as np
import pytest
import torch

from objectcrop.networks.backbones import View


@pytest.fixture(scope="module")
def effect(root):
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        import effect
    finally:
        sys.path.remove(str(root / "benchmarks"))
    return effect


@pytest.fixture(scope="module")
def page(effect):
    return sys.modules["results_parts.effect"]


def row(crops, seed, top1, settings_hash="h"):
    return {
        "setting": "few-unique",
        "crops": crops,
        "outcome": "objects",
        "seed": seed,
        "values": {"top1": top1},
        "settings_hash": settings_hash,
    }


NAMES = ("setting", "crops", "outcome", "seed")


def test_results_of_one_setting_are_collected_under_its_names(effect, tmp_path):
    for run, task, seed in (("lod-few-unique", "objects-few-unique", 1), ("lod-few-unique", "objects-few-shared", 1)):
        path = tmp_path / f"eval/{run}/s{seed}/{task}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        metrics = {"top1": 21.5, "map": 19.0, "map_small": None, "learning_rate": 30.0}
        path.write_text(
            json.dumps({"seed": seed, "metrics": metrics, "settings_hash": "h", "provenance": {"commit": "abc"}})
        )
    found = list(effect.results(effect.studies()[0], tmp_path))
    assert [{name: one[name] for name in (*NAMES, "commit")} for one in found] == [
        {"setting": "few-unique", "crops": "lod", "outcome": "objects", "seed": 1, "commit": "abc"}
    ]  # a probe on other scenes than the run's own is not the study's
    assert found[0]["values"] == {"top1": 21.5, "map": 19.0, "map_small": None}


def test_new_rows_replace_kept_ones(effect):
    joined = effect.joined([row("lod", 0, 2.0)], [row("lod", 0, 1.0), row("lod", 1, 5.0)], NAMES)
    assert [(one["seed"], one["values"]["top1"]) for one in joined] == [(0, 2.0), (1, 5.0)]


def test_rows_of_other_settings_are_not_mixed(effect):
    with pytest.raises(ValueError, match=r"'lod', 'objects', 1\) was measured by other settings"):
        effect.joined([row("lod", 0, 2.0)], [row("lod", 1, 1.0, "other")], NAMES)


def test_differences_are_of_the_seeds_that_both_runs_have(page):
    rows = [row("lod", 0, 10.0), row("lod", 1, 12.0), row("lod", 3, 90.0), row("scene", 1, 9.0), row("scene", 0, 8.0)]
    assert page.paired({"results": rows}, "few-unique", ("lod", "scene"), page.MAIN) == [2.0, 3.0]


def test_the_answer_needs_an_interval_on_one_side_of_zero(page):
    def answer(*gains):
        rows = [row("lod", seed, 10.0 + gain) for seed, gain in enumerate(gains)]
        rows += [row("scene", seed, 10.0) for seed in range(len(gains))]
        table = page.tables({"results": rows, "boxes": [], "matches": []})[0]
        return table.rows[0][1:4]

    # mean 2, deviation 1, Student's t of 2 degrees 4.303: 2 +- 2.48
    assert answer(1.0, 2.0, 3.0) == ["+2.0 (-0.5 to +4.5)", "3", "open"]
    assert answer(1.9, 2.0, 2.1)[2] == "above"
    assert answer(-1.9, -2.0, -2.1)[2] == "below"
    assert answer(2.0) == ["+2.0", "1", "one seed"]


def test_what_has_too_few_seeds_is_listed(page):
    rows = [row(crops, seed, 1.0) for crops in page.CROPS for seed in range(3)]
    listed = dict(page.tables({"results": rows[1:], "boxes": [], "matches": []})[-1].rows)
    assert listed["few, unique"] == "random initialisation 2"
    assert listed["few, shared"] == "all runs"


def test_a_trunk_of_colours_matches_what_has_its_colours(effect):
    """The mean colour of a crop is known: a plain object on a plain ground keeps it before another background."""
    matching = sys.modules["effect_parts.matching"]

    class MeanColour(torch.nn.Module):
        def view(self, images):
            return View(images, images.float().mean(dim=(1, 2)))

    def plain(*colour):
        return np.full((8, 8, 3), colour, np.uint8)

    red, green, blue, grey = plain(200, 9, 9), plain(9, 200, 9), plain(9, 9, 200), plain(99, 99, 99)
    crops = matching.Prepared(
        scenes=([red, green], [red, green]),
        backgrounds=([red, green], [green, red]),
        objects=[red, blue],
        moved=[red, red],
        left=[grey, blue],
    )
    found = matching.measure_matches(MeanColour(), crops)
    assert found == (1.0, 0.0, 0.5, 0.5)


def test_a_scene_without_its_objects_is_its_background(effect):
    matching = sys.modules["effect_parts.matching"]
    settings = matching.DrawnDataset(
        source="drawn", width_px=96, height_px=96, background="unique", object_sizes="large", clutter=0
    )
    scene = matching.take_apart(settings, 3)
    away = ~cv2.dilate(scene.is_object.astype("uint8"), np.ones((25, 25))).astype(bool)

    def apart(mask):
        difference = scene.image.astype(float) - scene.background
        return abs(difference[mask]).mean()

    assert away.mean() > 0.1
    assert apart(away) < 0.4 * apart(scene.is_object)
