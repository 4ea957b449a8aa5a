"""The linear probe on small images and a tiny trunk."""

import collections
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from objectcrop.evaluate.average_precision import macro_map
from objectcrop.evaluate.linear.choosing import choose_held_out
from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.features import TEST_VIEW, Extractor, Views, plan_test_view
from objectcrop.evaluate.linear.images import LabelledImages, labelled_images, training_classes
from objectcrop.evaluate.linear.layers import LinearLayers
from objectcrop.runtime.randomness import Seeds
from tests.evaluate.linear.conftest import COLOURS, CPU, SEEDS, backbone, results_of, settings


def shuffled(images, rng=None):
    order = (rng or np.random.default_rng(1)).permutation(len(images))
    return dataclasses.replace(images, shown=images.shown[order])


def test_colours_are_learnt_from_random_features(data):
    results = results_of(backbone(), data, settings(epochs=40, decay_epochs=[30]), SEEDS, device=CPU)
    assert results["metrics"]["map"] > 90
    assert set(results["metrics"]) == set(settings().metrics)  # which tables may name
    assert results["per_class"].keys() == COLOURS.keys()
    assert results["details"]["num_train"] == 24


@pytest.mark.parametrize("splits", ["test", "train and test"])
def test_shuffled_labels_are_at_chance(data, splits):
    """Every ranking is as likely of a test split with shuffled labels: more than chance would be test images in the training."""
    rng, values = np.random.default_rng(4), []
    for _ in range(15):
        train = shuffled(data.train, rng) if "train" in splits else data.train
        both = Data(train, shuffled(data.test, rng), data.classes)
        values.append(results_of(backbone(), both, settings(cached_views=1), SEEDS, device=CPU)["metrics"]["map"])
    chance = [100 * macro_map(rng.random(data.test.labels.shape), data.test.labels) for _ in range(1000)]
    assert abs(np.mean(values) - np.mean(chance)) < 3 * np.std(values) / np.sqrt(len(values))
    assert np.std(values) == pytest.approx(np.std(chance), rel=0.5)


@pytest.mark.parametrize("cached_views", [None, 2])
def test_equal_seeds_give_equal_results_and_other_seeds_do_not(data, cached_views):
    task = settings(cached_views=cached_views, epochs=3, learning_rates=[1.0, 0.1])
    data = Data(data.train, shuffled(data.test), data.classes)  # imperfect scores distinguish seeds
    first, again = (results_of(backbone(), data, task, SEEDS, device=CPU) for _ in range(2))
    other = results_of(backbone(), data, task, Seeds(0, 1), device=CPU)
    assert first == again
    assert first["metrics"] != other["metrics"]


def test_cached_views_of_one_per_epoch_equal_fresh_ones(data):
    cached = results_of(backbone(), data, settings(cached_views=3, epochs=3), SEEDS, device=CPU)
    fresh = results_of(backbone(), data, settings(cached_views=None, epochs=3), SEEDS, device=CPU)
    # a batch's sums may differ in the last bit with the order of its images
    assert cached["metrics"] == pytest.approx(fresh["metrics"], abs=5)
    assert (cached["details"]["is_approximation"], fresh["details"]["is_approximation"]) == (True, False)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_trunk_computes_in_the_precision_asked_for_and_the_layer_in_float32(data, monkeypatch, precision):
    dtypes = []
    trunk, step = backbone(), LinearLayers.step
    trunk.layer1[0].conv1.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))

    def noting_step(self, features, targets):
        assert features.dtype == torch.float32
        return step(self, features, targets)

    monkeypatch.setattr(LinearLayers, "step", noting_step)
    results = results_of(trunk, data, settings(precision=precision, epochs=1), SEEDS, device=CPU)
    assert results["precision"] == precision
    assert set(dtypes) == {getattr(torch, precision)}


@pytest.mark.parametrize(
    ("trained_in", "computed"),
    [("bfloat16", "bfloat16"), ("float32", "float32"), ("none", "float32"), ("bfloat16+float32", "float32")],
)
def test_the_trunk_computes_in_the_precision_of_its_training_if_asked(data, trained_in, computed):
    task = settings(precision="as_trained", epochs=1)
    results = results_of(backbone(), data, task, SEEDS, device=CPU, trained_in=trained_in)
    assert results["precision"] == computed


def test_a_hopeless_learning_rate_is_not_chosen(data):
    task = settings(learning_rates=[1e-9, 1.0], epochs=30, held_out_share=0.3)
    results = results_of(backbone(), data, task, SEEDS, device=CPU)
    assert results["metrics"]["learning_rate"] == 1.0
    assert results["details"]["held_out_map"].keys() == {"1e-09", "1.0"}


def test_the_chosen_layer_is_the_one_that_the_rate_alone_gives(data):
    several = results_of(backbone(), data, settings(learning_rates=[1e-9, 1.0], held_out_share=0.4), SEEDS, device=CPU)
    alone = results_of(backbone(), data, settings(learning_rates=[1.0]), SEEDS, device=CPU)
    assert several["per_class"] == pytest.approx(alone["per_class"])
    assert alone["details"]["held_out_map"] is None


def test_the_layers_that_choose_are_not_trained_on_the_held_out_images(data, monkeypatch):
    num_trained, scored = collections.Counter(), {}
    step, scores = LinearLayers.step, LinearLayers.scores

    def counting_step(self, features, targets):
        num_trained[id(self)] += len(features)
        return step(self, features, targets)

    def noting_scores(self, features):
        scored[len(features)] = id(self)
        return scores(self, features)

    monkeypatch.setattr(LinearLayers, "step", counting_step)
    monkeypatch.setattr(LinearLayers, "scores", noting_scores)
    task = settings(learning_rates=[3.0, 1.0], held_out_share=0.25, epochs=2)
    results_of(backbone(), data, task, SEEDS, device=CPU)
    held_out, test = 6, 12
    assert num_trained[scored[held_out]] == 2 * (24 - held_out)
    assert num_trained[scored[test]] == 2 * 24


def test_held_out_images_do_not_depend_on_the_run():
    task = settings(learning_rates=[1.0, 2.0], held_out_share=0.25)
    mask = choose_held_out(40, task, study_seed=3)
    assert mask.sum() == 10
    assert (mask == choose_held_out(40, task, study_seed=3)).all()
    assert not choose_held_out(40, settings(), study_seed=3).any()
    with pytest.raises(ValueError, match="held_out_share"):
        choose_held_out(40, settings(learning_rates=[1.0, 2.0], held_out_share=0), study_seed=3)


def test_the_trunk_is_as_before_and_a_changed_one_is_noticed(data, monkeypatch):
    trunk = backbone()
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    results_of(trunk, data, settings(epochs=1), SEEDS, device=CPU)
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())

    def train_mode(self, images):
        return self.backbone.train()(images.permute(0, 3, 1, 2).float())

    monkeypatch.setattr(Extractor, "features", train_mode)
    with pytest.raises(RuntimeError, match="running_mean"):
        results_of(trunk, data, settings(epochs=1), SEEDS, device=CPU)


def test_single_labels_give_top1_and_several_labels_are_rejected(data, tables, tmp_path):
    manifest, annotations = tables
    first = annotations.drop_duplicates("image_id")
    splits = [labelled_images(manifest, first, tmp_path, split, list(data.classes)) for split in ("train", "test")]
    task = settings(labels="single", epochs=40)
    results = results_of(backbone(), Data(*splits, data.classes), task, SEEDS, device=CPU)
    assert results["metrics"]["top1"] > 60
    assert set(results["metrics"]) == set(task.metrics)
    with pytest.raises(ValueError, match="labels: multi"):
        results_of(backbone(), data, task, SEEDS, device=CPU)


def scores_that_disagree(labels):
    """Scores of two layers: the first ranks every class perfectly, the second is right for all images but one."""
    ranked = labels.astype(np.float32)
    ranked[:, 0] += 10  # always the first class: mAP 100, top-1 its share
    right = labels.astype(np.float32)
    wrong = int(np.flatnonzero(labels[:, 0])[0])
    right[wrong] = (0, 5, 0)  # most certain of all, and wrong
    return [ranked, right]


@pytest.mark.parametrize(("labels", "metric", "chosen"), [("single", "top1", 1.0), ("multi", "map", 3.0)])
def test_the_learning_rate_is_chosen_by_the_metric_of_the_labels(
    data, tables, tmp_path, monkeypatch, labels, metric, chosen
):
    manifest, annotations = tables
    first = annotations.drop_duplicates("image_id")
    splits = [labelled_images(manifest, first, tmp_path, split, list(data.classes)) for split in ("train", "test")]
    task = settings(labels=labels, learning_rates=[3.0, 1.0], held_out_share=0.25, epochs=1)
    held_out_labels = splits[0].labels[choose_held_out(24, task, SEEDS.study)]
    scores = LinearLayers.scores

    def scores_of(self, features):
        return (
            scores_that_disagree(held_out_labels) if len(features) == len(held_out_labels) else scores(self, features)
        )

    monkeypatch.setattr(LinearLayers, "scores", scores_of)
    results = results_of(backbone(), Data(*splits, data.classes), task, SEEDS, device=CPU)
    assert results["metrics"]["learning_rate"] == chosen
    on_held_out = results["details"][f"held_out_{metric}"]
    best = {"top1": {"3.0": 100 * held_out_labels[:, 0].mean(), "1.0": 100 * 5 / 6}, "map": {"3.0": 100}}[metric]
    assert {rate: on_held_out[rate] for rate in best} == pytest.approx(best)
    assert [name for name in results["details"] if name.startswith("held_out_")] == [f"held_out_{metric}"]


@pytest.mark.parametrize("labels", ["multi", "single"])
def test_labels_of_a_batch_alone_are_ever_written_out(data, tables, tmp_path, monkeypatch, labels):
    """Of 1.7 million images and 600 classes, all of them would take gigabytes."""
    manifest, annotations = tables
    if labels == "single":
        data = Data.of(manifest, annotations.drop_duplicates("image_id"), tmp_path)
    sizes, labels_of = [], LabelledImages.labels_of
    noting = lambda self, rows: sizes.append((len(self), len(rows))) or labels_of(self, rows)  # noqa: E731
    monkeypatch.setattr(LabelledImages, "labels_of", noting)
    results_of(backbone(), data, settings(labels=labels, epochs=1, batch_size=7), SEEDS, device=CPU)
    of_training = [rows for images, rows in sizes if images == 24]
    assert of_training == ([7, 7, 7, 3] if labels == "multi" else [])


def test_training_views_follow_epoch_and_image_and_test_views_are_central(data):
    views = Views(data.train, settings(), SEEDS)
    assert views.plan(0, 3) == views.plan(0, 3)
    assert views.plan(0, 3) != views.plan(1, 3)
    assert views.plan(0, 3).crop_box != views.plan(0, 4).crop_box
    assert plan_test_view(400, 300, settings(size_px=224, resize_px=256)).crop_box == (68.75, 18.75, 331.25, 281.25)
    with pytest.raises(ValueError, match="raise resize_px"):
        plan_test_view(400, 300, settings(size_px=64, resize_px=60))


@pytest.mark.parametrize("cached_views", [None, 1])
def test_a_batch_larger_than_what_the_trunk_sees_at_once_takes_one_step(data, monkeypatch, cached_views):
    monkeypatch.setattr("objectcrop.evaluate.linear.features.IMAGES_AT_ONCE", 10)
    sizes, seen, step, features = [], [], LinearLayers.step, Extractor.features
    monkeypatch.setattr(LinearLayers, "step", lambda self, *words: sizes.append(len(words[0])) or step(self, *words))
    monkeypatch.setattr(Extractor, "features", lambda self, images: seen.append(len(images)) or features(self, images))
    task = settings(batch_size=16, epochs=2, cached_views=cached_views, precision="float32")
    results = results_of(backbone(), data, task, SEEDS, device=CPU)
    assert sizes == [16, 8, 16, 8]
    assert max(seen) == 10
    monkeypatch.undo()
    whole = results_of(backbone(), data, task, SEEDS, device=CPU)
    assert results["per_class"] == pytest.approx(whole["per_class"])


def test_training_and_test_crops_are_resized_as_the_task_says(data):
    views = [Views(data.train, settings(interpolation=name), SEEDS) for name in ("area", "bicubic")]
    for epoch in (0, TEST_VIEW):
        area, bicubic = (view.plan(epoch, 3) for view in views)
        assert (area.interpolation, bicubic.interpolation) == ("area", "bicubic")
        assert dataclasses.replace(bicubic, interpolation="area") == area
    boxes = [Views(data.train, settings(crop_scale_min=1.0), SEEDS).plan(0, row).crop_box for row in range(9)]
    assert all((x2 - x1) * (y2 - y1) > 0.9 * 40 * 53 for x1, y1, x2, y2 in boxes)


def test_labels_are_the_sets_of_classes_of_training_images(tables, tmp_path):
    manifest, annotations = tables
    test_only = annotations.iloc[[-1]].assign(class_id="only in the test split")
    extended = pd.concat([annotations, annotations.iloc[[0]], test_only])
    assert training_classes(manifest, extended) == ["blue", "green", "red"]
    images = labelled_images(manifest, extended, tmp_path, "test", ["blue", "green", "red"])
    assert images.labels.sum(axis=1).tolist() == [2] * 12
    with pytest.raises(ValueError, match="no validation image"):
        labelled_images(manifest, annotations, tmp_path, "validation", ["red"])
    with pytest.raises(ValueError, match="needs a data set with labels"):
        training_classes(manifest, annotations.iloc[:0])
