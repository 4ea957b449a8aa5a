"""OpenCV's searches on drawn images, with the least models that it accepts."""

import gzip
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from objectcrop.boxes import iou
from objectcrop.proposals.sources import searches
from objectcrop.proposals.sources.searches import find_boxes, make_search, search_images
from objectcrop.proposals.sources.without_search import parse_source
from objectcrop.runtime.progress import Progress
from tests.proposals.opencv_models import write_bing, write_forest

OBJECT = np.array([[60.0, 40.0, 140.0, 110.0]])


def image(height: int = 160, width: int = 240) -> np.ndarray:
    drawn = np.full((height, width, 3), 60, dtype=np.uint8)
    drawn[40:110, 60:140] = (200, 30, 30)
    return drawn


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_forest(folder / "model.yml.gz")
    write_bing(folder / "bing")
    return folder


SOURCES = [
    {"kind": "edge_boxes", "model": "model.yml.gz"},
    {"kind": "edge_boxes", "edges": "gradient"},
    {"kind": "bing", "model_folder": "bing"},
    {"kind": "selective_search"},
    {"kind": "selective_search", "mode": "quality"},
]
EDGE_BOXES, GRADIENT, BING, SELECTIVE, _ = SOURCES


@pytest.mark.parametrize("settings", SOURCES)
def test_boxes_are_in_the_image_best_first_and_apart(models, settings):
    source = parse_source(settings | {"max_boxes": 5, "max_overlap": 0.4})
    proposals = find_boxes(make_search(source, models), image(), source, "a", np.random.default_rng(0))
    assert 1 <= len(proposals.boxes) <= 5
    assert (proposals.boxes >= 0).all()
    assert (proposals.boxes[:, 2:] <= [240, 160]).all()
    assert (np.diff(proposals.scores) <= 0).all()
    overlaps = iou(proposals.boxes, proposals.boxes)
    assert overlaps[~np.eye(len(overlaps), dtype=bool)].max(initial=0) < 0.4


@pytest.mark.parametrize(("settings", "least"), [(EDGE_BOXES, 0.5), (GRADIENT, 0.7), (SELECTIVE, 0.6)])
def test_the_object_is_among_the_boxes_of_the_reduced_image(models, settings, least):
    source = parse_source(settings | {"long_side_px": 120})
    proposals = find_boxes(make_search(source, models), image(), source, "a", np.random.default_rng(0))
    assert iou(OBJECT, proposals.boxes).max() > least


@pytest.mark.parametrize("settings", SOURCES)
def test_the_same_image_gives_the_same_boxes_whatever_came_before(models, settings):
    source = parse_source(settings)
    search = make_search(source, models)
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    first = find_boxes(search, noise, source, "a", np.random.default_rng(3))
    find_boxes(search, image(), source, "b", np.random.default_rng(4))
    again = find_boxes(search, noise, source, "a", np.random.default_rng(3))
    assert_array_equal(first.boxes, again.boxes)
    assert_array_equal(first.scores, again.scores)


@pytest.mark.parametrize("settings", SOURCES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (15, 15), (16, 16), (24, 240), (400, 40)])
def test_black_tiny_and_panoramic_images_give_boxes_inside_or_none(models, settings, shape):
    source = parse_source(settings)
    proposals = find_boxes(
        make_search(source, models), np.zeros((*shape, 3), np.uint8), source, "a", np.random.default_rng(0)
    )
    assert len(proposals.boxes) == len(proposals.scores)
    assert np.isfinite(proposals.scores).all()
    assert (proposals.boxes[:, 2:] <= [shape[1], shape[0]]).all()
    if min(shape) < 16:
        assert len(proposals.boxes) == 0


def test_bing_counts_from_the_best_box_down_in_every_colour_space(models):
    scored = make_search(parse_source(BING), models)(image(), np.random.default_rng(0))
    assert scored.scores.max() == -300  # OpenCV's value of the first box of the first colour space
    assert scored.boxes[:, :2].min(axis=0).tolist() == [0, 0]  # not 1, where OpenCV starts to count
    assert (scored.boxes[:, 2:].max(axis=0) <= [240, 160]).all()


def test_bing_prints_nothing_and_leaves_nothing_behind(models, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_search(parse_source(BING), models)(image(), np.random.default_rng(0))
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_missing_models_are_named_with_the_place_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.yml\.gz: .*opencv_extra"):
        searches.forest_edges(tmp_path / "model.yml.gz")
    write_bing(tmp_path)
    (tmp_path / "ObjNessB2W8HSV.wS2.yml.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks 1 of BING's 9 .* ObjNessB2W8HSV\.wS2.*opencv_contrib"):
        searches.bing(tmp_path)


@pytest.mark.parametrize("text", ["", "a: 1\n", "%YAML:1.0\n---\noptions:\n   stride: 2\n"])
def test_a_file_that_is_no_forest_is_refused_before_opencv_falls_over_it(tmp_path, text):
    (tmp_path / "model.yml").write_text(text)
    with pytest.raises(ValueError, match=r"model\.yml: not a"):
        searches.forest_edges(tmp_path / "model.yml")


@pytest.mark.parametrize("text", ["", "a: 1\n", "%YAML:1.0\n---\nOther: 1\n", "%YAML:1.0\n---\nObjNessB2W8I: 1\n"])
def test_a_file_that_is_not_bing_s_is_refused_before_opencv_falls_over_it(tmp_path, text):
    folder = write_bing(tmp_path / "bing")
    (folder / "ObjNessB2W8I.wS2.yml.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(ValueError, match=r"ObjNessB2W8I\.wS2\.yml\.gz: not a"):
        searches.bing(folder)


def test_the_model_of_another_search_is_refused(models, tmp_path):
    folder = write_bing(tmp_path / "bing")
    (folder / "ObjNessB2W8HSV.idx.yml.gz").write_bytes((models / "model.yml.gz").read_bytes())
    with pytest.raises(
        ValueError, match=r"HSV\.idx\.yml\.gz: not a file of BING's model, it lacks the matrix ObjNessB2W8HSV"
    ):
        searches.bing(folder)
    with pytest.raises(ValueError, match=r"wS1\.yml\.gz: not a structured forest of OpenCV, it lacks \['options'"):
        searches.forest_edges(folder / "ObjNessB2W8I.wS1.yml.gz")


def test_a_plain_opencv_is_told_which_package_it_lacks(monkeypatch):
    monkeypatch.delattr(cv2, "ximgproc")
    with pytest.raises(ValueError, match=r"selective_search need.*opencv-contrib-python-headless"):
        searches.selective_search(quality=False)


def test_what_an_image_gets_does_not_depend_on_the_images_before_it(models):
    source = parse_source(SELECTIVE)
    noise = np.random.default_rng(5).integers(0, 255, (80, 120, 3), dtype=np.uint8)

    def boxes(*images, seed=0):
        progress = Progress("searching", total=len(images), unit="images")
        found = search_images(make_search(source, models), images, source, seed, progress)
        assert progress.done == len(images)
        return {proposals.image_id: proposals for proposals in found}

    both, alone = boxes(("a", image()), ("b", noise)), boxes(("b", noise))
    assert list(both) == ["a", "b"]
    assert_array_equal(both["b"].boxes, alone["b"].boxes)
    other = boxes(("b", noise), seed=1)["b"].boxes
    assert not np.array_equal(other, alone["b"].boxes)
