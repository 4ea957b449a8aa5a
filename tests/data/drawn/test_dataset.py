"""Drawn scenes: the same bytes everywhere, exact boxes, sizes as asked for, and no class is predictable from colour."""

import json
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from objectcrop.data.drawn import dataset as drawn
from objectcrop.data.drawn.classes import MAX_CLASSES, class_shares, drawn_classes, ground_shares
from objectcrop.data.drawn.dataset import draw_dataset, draw_scene, scene_id
from objectcrop.data.drawn.masks import visible_objects
from objectcrop.data.drawn.plan import AREA_SHARES, plan_scene, windows
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.datasets import DrawnDataset


def settings(**changed) -> DrawnDataset:
    small = {"num_train": 5, "num_test": 3, "width_px": 160, "height_px": 120}
    return DrawnDataset(source="drawn", **(small | changed))


def planned(asked: DrawnDataset, count: int):
    return [plan_scene(asked, generator(asked.seed, "drawn", "train", index))[1] for index in range(count)]


def files(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    asked = settings(num_train=6, num_validation=2, num_test=3)
    return root / "drawn" / "set", asked, draw_dataset("set", asked, root)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(tmp_path):
    asked = settings(num_train=4, num_validation=2, num_test=2, num_classes=2, clutter=0.2)
    draw_dataset("set", asked, tmp_path / "one", num_workers=1)
    draw_dataset("set", asked, tmp_path / "two", num_workers=2)
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert len(one) > 16
    assert one == two


def test_a_scene_is_the_same_whatever_was_drawn_before_it():
    first = draw_scene(settings(), "train", 3)
    draw_scene(settings(), "train", 0)
    again = draw_scene(settings(), "train", 3)
    np.testing.assert_array_equal(first.image, again.image)
    assert first.objects == again.objects


@pytest.mark.parametrize("change", [{"seed": 1}, {"clutter": 1.0}, {"num_classes": 5}])
def test_other_settings_give_other_scenes_and_other_ids(change):
    before, after = settings(), settings(**change)
    assert scene_id(before, "train", 0) != scene_id(after, "train", 0)
    images = [[draw_scene(asked, "train", index).image for index in range(4)] for asked in (before, after)]
    assert not np.array_equal(*images)


def test_a_larger_set_holds_the_same_first_scenes():
    assert scene_id(settings(), "train", 4) == scene_id(settings(num_train=5000), "train", 4)


def test_ids_are_16_hexadecimal_digits_and_distinct_over_splits():
    ids = [scene_id(settings(), split, index) for split in ("train", "validation", "test") for index in range(500)]
    assert len(set(ids)) == len(ids)
    assert all(len(image_id) == 16 and int(image_id, 16) >= 0 for image_id in ids)


def test_a_drawn_scene_holds_the_objects_of_its_plan():
    for index, layout in enumerate(planned(settings(), 5)):
        assert draw_scene(settings(), "train", index).objects == visible_objects(layout)


def test_boxes_are_the_extents_of_the_visible_masks():
    asked = settings(clutter=1.0, mean_objects=6)
    num_visible = 0
    for layout in planned(asked, 25):
        owners = [k for k, thing in enumerate(layout.things, 1) if thing.class_index is not None]
        for owner, visible in zip(owners, visible_objects(layout), strict=True):
            rows, columns = np.nonzero(layout.owner == owner)
            assert visible.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert visible.area_px == len(rows)
            num_visible += 1
    assert num_visible > 60


def test_occluded_and_truncated_follow_from_the_full_masks():
    asked = settings(clutter=1.0, mean_objects=6)
    combinations: Counter[tuple[bool, bool]] = Counter()
    for layout in planned(asked, 25):
        owners = [k for k, thing in enumerate(layout.things, 1) if thing.class_index is not None]
        for owner, visible in zip(owners, visible_objects(layout), strict=True):
            thing = layout.things[owner - 1]
            in_scene, in_mask = windows(thing.left, thing.top, thing.solid.shape, layout.owner.shape)
            inside = thing.solid[in_mask]
            hidden = inside & (layout.owner[in_scene] != owner)
            assert visible.is_truncated == bool(inside.sum() < thing.solid.sum())
            assert visible.is_occluded == bool(hidden.sum() > 0.01 * inside.sum())
            combinations[visible.is_occluded, visible.is_truncated] += 1
    assert len(combinations) == 4


def test_enough_of_every_object_stays_visible():
    for layout in planned(settings(clutter=1.0, mean_objects=10, object_sizes="large"), 20):
        for owner, thing in enumerate(layout.things, 1):
            if thing.class_index is not None:
                assert (layout.owner == owner).sum() >= 0.4 * thing.solid.sum()


@pytest.mark.parametrize(
    ("sizes", "low", "high"), [("coco", 0.009, 0.022), ("medium", 0.04, 0.07), ("large", 0.14, 0.22)]
)
def test_the_median_box_is_about_as_large_as_asked_for(sizes, low, high):
    asked = settings(object_sizes=sizes, mean_objects=3, clutter=0.2, width_px=256, height_px=192)
    boxes = np.array([visible.box for layout in planned(asked, 150) for visible in visible_objects(layout)])
    shares = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / (256 * 192)
    assert low < np.median(shares) < high
    assert shares.mean() > np.median(shares)
    assert AREA_SHARES[sizes][0] == {"coco": 0.016, "medium": 0.06, "large": 0.2}[sizes]


def test_one_thing_seen_from_near_fills_half_of_the_scene():
    asked = settings(object_sizes="close", mean_objects=1, max_objects=1, clutter=0.0, width_px=96, height_px=96)
    boxes = np.array([visible.box for layout in planned(asked, 150) for visible in visible_objects(layout)])
    shares = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / 96**2
    assert len(shares) == 150
    assert 0.4 < np.median(shares) < 0.55
    assert shares.max() <= 0.75


def test_the_mean_number_of_objects_is_as_asked_for():
    counts = [sum(thing.class_index is not None for thing in layout.things) for layout in planned(settings(), 300)]
    assert np.mean(counts) == pytest.approx(4.0, abs=0.4)
    assert min(counts) == 1
    assert max(counts) >= 9


@pytest.mark.parametrize(
    "extreme", [{"width_px": 64, "height_px": 64, "object_sizes": "coco"}, {"object_sizes": "large"}]
)
def test_every_scene_shows_an_object(extreme):
    asked = settings(mean_objects=1, max_objects=1, clutter=1.0, **extreme)
    assert all(len(visible_objects(layout)) == 1 for layout in planned(asked, 100))


@pytest.mark.slow
def test_mean_colours_do_not_predict_the_class():
    asked = settings(num_classes=6, mean_objects=3, clutter=0.0)
    colours, classes = [], []
    for index in range(500):
        scene = draw_scene(asked, "train", index)
        for thing in scene.objects:
            x1, y1, x2, y2 = thing.box
            colours.append(scene.image[y1:y2, x1:x2].reshape(-1, 3).mean(axis=0))
            classes.append(thing.class_index)
    features, labels = np.array(colours), np.array(classes)
    half = len(labels) // 2
    reference, queries = features[:half], features[half:]
    nearest = np.linalg.norm(queries[:, None] - reference[None], axis=2).argsort(axis=1)[:, :15]
    votes = labels[:half][nearest]
    guesses = [Counter(row.tolist()).most_common(1)[0][0] for row in votes]
    assert np.mean(guesses == labels[half:]) < 1 / 6 + 0.08


def test_every_class_is_another_pair_of_surface_and_outline():
    kinds = drawn_classes(MAX_CLASSES)
    assert len({(kind.surface, kind.outline) for kind in kinds}) == MAX_CLASSES == 24
    assert len({kind.name for kind in kinds}) == len({kind.mid for kind in kinds}) == 24
    assert max(Counter(kind.surface for kind in kinds).values()) == 2
    assert max(Counter(kind.outline for kind in kinds).values()) == 2


@pytest.mark.parametrize("num_classes", [2, 12, 24])
def test_as_many_classes_are_drawn_as_asked_for(num_classes):
    layouts = planned(settings(num_classes=num_classes, mean_objects=6), 120)
    classes = {thing.class_index for layout in layouts for thing in layout.things} - {None}
    assert classes == set(range(num_classes))


def test_types_of_scene_favour_classes_and_grounds_but_exclude_none():
    for shares in (
        np.stack([class_shares(kind, 12) for kind in range(4)]),
        np.stack([ground_shares(k) for k in range(4)]),
    ):
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert (shares > 0).all()
        assert shares.max(axis=1) == pytest.approx(3 * shares.min(axis=1))
    assert len({tuple(class_shares(kind, 12)) for kind in range(4)}) == 4


def test_what_is_there_is_not_drawn_again(drawn_once, monkeypatch):
    folder, asked, first = drawn_once
    before = files(folder)
    assert first["num_drawn"] == 11
    monkeypatch.setattr(drawn, "draw_chunk", lambda *_: pytest.fail("a finished chunk was drawn again"))
    again = draw_dataset("set", asked, folder.parents[1])
    assert again["num_drawn"] == 0
    assert again["records"] == json.loads(json.dumps(first["records"]))
    assert files(folder) == before


def test_a_lost_image_is_drawn_again_and_nothing_else(drawn_once):
    folder, asked, _ = drawn_once
    before = files(folder)
    victim = sorted((folder / "test").glob("*.jpg"))[0]
    victim.unlink()
    assert draw_dataset("set", asked, folder.parents[1])["num_drawn"] == asked.num_test
    assert files(folder) == before


def test_other_settings_start_from_an_empty_folder(tmp_path):
    draw_dataset("set", settings(num_train=3), tmp_path)
    draw_dataset("set", settings(num_train=2, num_test=0, seed=9), tmp_path)
    folder = tmp_path / "drawn" / "set"
    assert len(list((folder / "train").iterdir())) == 2
    assert not (folder / "test").exists()
    assert not (folder / "test-annotations-bbox.csv").exists()


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    folder = tmp_path / "drawn" / "set"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="not made here"):
        draw_dataset("set", settings(), tmp_path)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("wrong", [{"num_classes": 25}, {"num_classes": 1}, {"mean_objects": 13}, {"colour": "red"}])
def test_bad_settings_are_rejected(wrong):
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_more_classes_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="1 to 24"):
        drawn_classes(25)
