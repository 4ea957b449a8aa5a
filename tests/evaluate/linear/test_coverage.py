"""Classes that only one of the splits shows."""

import numpy as np
import pandas as pd
import pytest

from objectcrop.evaluate.linear.coverage import Untrained, describe_classes, untrained_classes, warnings_of
from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.layers import LinearLayers
from tests.evaluate.linear.conftest import CPU, SEEDS, backbone, results_of, settings

MANIFEST = pd.DataFrame([("a", "train"), ("b", "train"), ("x", "test"), ("y", "test"), ("z", "test")])
MANIFEST.columns = pd.Index(["image_id", "split"])


def annotations(*rows):
    return pd.DataFrame(rows, columns=["image_id", "class_id"])


def test_classes_of_test_images_alone_are_named_once_and_their_images_counted():
    table = annotations(
        ("a", "cat"), ("b", "dog"), ("x", "cat"), ("x", "owl"), ("y", "owl"), ("y", "elk"), ("z", "dog"), ("w", "ant")
    )
    assert untrained_classes(MANIFEST, table, ["cat", "dog"]) == Untrained(("elk", "owl"), num_images=1)
    assert untrained_classes(MANIFEST, table, ["cat", "dog", "owl", "elk"]) == Untrained()


def test_all_are_counted_and_the_first_twenty_named():
    classes = [f"c{number:02d}" for number in range(30)]
    labels = np.zeros((4, 30), dtype=bool)
    labels[:, 3] = labels[0, 7] = True
    described = describe_classes(classes, labels, Untrained(("elk", "owl"), 5))
    assert described == {
        "num": 30,
        "num_without_test_images": 28,
        "without_test_images": [name for name in classes if name not in ("c03", "c07")][:20],
        "num_without_training_images": 2,
        "without_training_images": ["elk", "owl"],
        "num_test_images_of_these_alone": 5,
    }
    first, second = warnings_of(described)
    assert first.startswith(
        "linear: 28 of 30 trained class(es) have no test image and are in no mean: c00, c01, c02, c04"
    )
    assert first.endswith(", c21 and 8 more")
    assert "linear: 2 class(es) of test images have no training image and are not measured: elk, owl; 5 test" in second


def test_where_both_splits_show_the_same_classes_nothing_is_said():
    assert warnings_of(describe_classes(["a", "b"], np.ones((1, 2), dtype=bool), Untrained())) == []


def test_classes_of_one_split_are_said_kept_in_the_result_and_not_measured(tables, tmp_path, capsys):
    manifest, annotations = tables
    blue = annotations["class_id"].eq("blue")
    in_test = annotations["split"].eq("test")
    # blue becomes a class of training alone, and of test images another one
    changed = annotations.assign(class_id=annotations["class_id"].mask(blue & in_test, "violet"))
    results = results_of(backbone(), Data.of(manifest, changed, tmp_path), settings(epochs=1), SEEDS, device=CPU)
    assert results["details"]["classes"] == {
        "num": 3,
        "num_without_test_images": 1,
        "without_test_images": ["blue"],
        "num_without_training_images": 1,
        "without_training_images": ["violet"],
        "num_test_images_of_these_alone": 0,
    }
    assert results["per_class"]["blue"] is None
    measured = [value for value in results["per_class"].values() if value is not None]
    assert results["metrics"]["map"] == pytest.approx(np.mean(measured))
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: linear: 1")]
    assert len(warnings) == 2


def test_what_cannot_be_measured_stops_before_any_work(tables, tmp_path, monkeypatch):
    def train(*_: object) -> None:
        raise AssertionError("it trains")

    monkeypatch.setattr(LinearLayers, "step", train)
    manifest, annotations = tables
    in_test = annotations["split"].eq("test")
    strange = annotations.assign(class_id=annotations["class_id"].mask(in_test, "violet"))
    data = Data.of(manifest, strange, tmp_path)
    with pytest.raises(ValueError, match="no test image of 12 shows one of the 3 classes of the training images"):
        results_of(backbone(), data, settings(), SEEDS, device=CPU)
    first = annotations.drop_duplicates("image_id")
    last = first.assign(class_id=first["class_id"].mask(first.index == first.index[-1], "violet"))
    with pytest.raises(
        ValueError, match=r"1 image\(s\) do not show exactly one class that training images show, first 'i35'"
    ):
        results_of(backbone(), Data.of(manifest, last, tmp_path), settings(labels="single"), SEEDS, device=CPU)
