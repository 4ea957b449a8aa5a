"""What names a scene and what names a class: backgrounds of a scene's own, surfaces, outlines."""

from collections import defaultdict

import numpy as np
import pytest
from pydantic import ValidationError

from objectcrop.data.drawn import plan
from objectcrop.data.drawn.classes import drawn_classes
from objectcrop.data.drawn.dataset import draw_scene, scene_id
from objectcrop.data.drawn.outlines import shaped
from objectcrop.data.drawn.paint import paint_scene
from objectcrop.data.drawn.plan import Layout
from objectcrop.data.drawn.waves import waves
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset

SIDE = 128


def settings(**changed) -> DrawnDataset:
    return DrawnDataset(source="drawn", width_px=SIDE, height_px=SIDE, **changed)


def grounds(background: str, count: int) -> np.ndarray:
    """Scenes without things, grey: shape (count, side, side)."""
    images = [
        paint_scene(
            settings(background=background),
            index % 4,
            Layout(np.zeros((SIDE, SIDE), np.uint8)),
            generator(0, "test", index),
        )
        for index in range(count)
    ]
    return np.stack(images).mean(axis=3)


def spectra(pieces: np.ndarray) -> np.ndarray:
    """What waves a piece holds, whatever its place, brightness and contrast; unit length."""
    window = np.hanning(pieces.shape[1])[:, None] * np.hanning(pieces.shape[2])
    plain = (pieces - pieces.mean(axis=(1, 2), keepdims=True)) * window
    power = np.abs(np.fft.rfft2(plain))[:, :, :16].reshape(len(pieces), -1)
    return power / np.linalg.norm(power, axis=1, keepdims=True)


def share_recognised(images: np.ndarray) -> float:
    """Of the left halves, the share whose most similar right half, grey, is of the same scene."""
    left, right = spectra(images[:, :, : SIDE // 2]), spectra(images[:, :, SIDE // 2 :])
    return float(np.mean((left @ right.T).argmax(axis=1) == np.arange(len(images))))


def test_a_unique_background_alone_names_its_scene_and_a_shared_one_does_not():
    assert share_recognised(grounds("unique", 60)) > 0.9
    assert share_recognised(grounds("shared", 60)) < 0.5


def test_a_unique_background_depends_on_no_type_of_scene():
    empty = Layout(np.zeros((SIDE, SIDE), np.uint8))
    images = [paint_scene(settings(background="unique"), kind, empty, generator(0, "test")) for kind in range(4)]
    assert all(np.array_equal(images[0], other) for other in images[1:])
    shared = [paint_scene(settings(), kind, empty, generator(0, "test")) for kind in range(4)]
    assert not all(np.array_equal(shared[0], other) for other in shared[1:])


@pytest.mark.parametrize(("width_px", "height_px"), [(64, 64), (200, 90)])
def test_a_field_is_strong_without_its_hues_too(width_px, height_px):
    for seed in range(20):
        grey = waves(width_px, height_px, generator(seed, "test")) @ np.array([0.114, 0.587, 0.299])
        assert grey.shape == (height_px, width_px)
        assert grey.std() > 8


@pytest.mark.parametrize(
    ("cue", "named", "free"), [("surface", "surface", "outline"), ("outline", "outline", "surface")]
)
def test_one_cue_names_a_class_and_the_other_is_any(monkeypatch, cue, named, free):
    asked = settings(class_cue=cue, num_classes=3, mean_objects=6, clutter=0.0)
    outlines = []

    def remembered(outline, rng):
        outlines.append(outline)
        return shaped(outline, rng)

    monkeypatch.setattr(plan, "shaped", remembered)
    seen = {"surface": defaultdict(set), "outline": defaultdict(set)}
    for index in range(60):
        outlines.clear()
        _, layout = plan.plan_scene(asked, generator(index, "test"))
        things = [thing for thing in layout.things if thing.class_index is not None]
        for thing in things:
            seen["surface"][thing.class_index].add(thing.surface.surface)
        if len(things) == len(outlines):  # else some found no place
            for thing, outline in zip(things, outlines, strict=True):
                seen["outline"][thing.class_index].add(outline)
    kinds = drawn_classes(asked.num_classes, cue)
    for class_index, kind in enumerate(kinds):
        assert seen[named][class_index] == {getattr(kind, named)}
        assert len(seen[free][class_index]) > 8
        assert kind.name == getattr(kind, named)


def test_scenes_of_before_are_the_same_and_keep_their_ids():
    asked = DrawnDataset(source="drawn", width_px=160, height_px=120)
    assert scene_id(asked, "train", 3) == "92a999daafc884f2"
    for change in ({"background": "unique"}, {"class_cue": "surface"}):
        changed = asked.model_copy(update=change)
        assert scene_id(changed, "train", 3) != scene_id(asked, "train", 3)
        assert not np.array_equal(draw_scene(changed, "train", 3).image, draw_scene(asked, "train", 3).image)


@pytest.mark.parametrize("cue", ["surface", "outline"])
def test_one_cue_names_at_most_twelve_classes(cue):
    assert settings(class_cue=cue, num_classes=12).num_classes == 12
    with pytest.raises(ValidationError, match=f"{cue}s alone name at most 12"):
        settings(class_cue=cue, num_classes=13)
