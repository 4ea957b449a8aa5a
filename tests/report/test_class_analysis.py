"""The analysis of classes: which count, how they correlate, and its figure."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from objectcrop.report.class_analysis import analyse_classes, class_table, correlate, group_by_area
from objectcrop.report.figures.classes import class_figures
from objectcrop.report.figures.folder import as_svg
from objectcrop.tables import CLASS_STATISTICS


def statistics(areas, boxes):
    ids = [f"/m/{number}" for number in range(len(areas))]
    columns = {"class_id": ids, "name": [f"name {one}" for one in ids], "num_images": boxes, "num_boxes": boxes}
    frame = pd.DataFrame(columns | {"mean_area_share": areas, "median_area_share": areas})
    return frame[list(CLASS_STATISTICS.columns)]


def table_of(ap, areas, boxes):
    return class_table({"run": [{f"/m/{number}": value for number, value in enumerate(ap)}]}, statistics(areas, boxes))


def test_values_are_means_of_seeds_and_classes_that_some_run_lacks_are_left_out():
    per_class = {
        "a": [{"/m/0": 10.0, "/m/1": 20.0, "/m/2": None}, {"/m/0": 30.0, "/m/1": 40.0, "/m/2": 5.0}],
        "b": [{"/m/0": 1.0, "/m/1": 2.0, "/m/2": 3.0, "/m/9": 4.0}],
    }
    table = class_table(per_class, statistics([0.5, 0.1, 0.2, 0.3], [7, 8, 9, 0]))
    assert table[["class_id", "a", "b", "num_boxes"]].values.tolist() == [
        ["/m/1", 30.0, 2.0, 8],
        ["/m/0", 20.0, 1.0, 7],
    ]
    with pytest.raises(ValueError, match="nothing to compare"):
        class_table(per_class, statistics([0.5], [0]))


def test_the_correlation_is_that_of_ranks_with_ties_and_its_interval_is_around_it():
    rng = np.random.default_rng(0)
    areas = rng.random(80)
    ap = np.round(10 * (areas + rng.normal(0, 0.5, 80)))
    boxes = rng.integers(1, 20, 80)
    table = table_of(ap, areas, boxes)
    found = correlate(table, "run")
    for name, values in (("area", areas), ("objects", boxes)):
        expected = spearmanr(values, ap).statistic
        assert found[name].value == pytest.approx(expected, abs=1e-12)
        assert found[name].low < expected < found[name].high
    assert found["area"].low > 0 > found["objects"].low
    assert correlate(table.assign(mean_area_share=np.log(table["mean_area_share"])), "run")["area"] == found["area"]


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rho, rng, covered = 0.5, np.random.default_rng(1), 0
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's of two normal variables
    for _ in range(40):
        x, noise = rng.normal(size=(2, 60))
        ap = rho * x + np.sqrt(1 - rho**2) * noise
        found = correlate(table_of(50 + ap, np.exp(x - 5), np.full(60, 9)), "run")["area"]
        covered += found.low <= truth <= found.high
    assert 33 <= covered <= 40  # of 40 at 95%: 33 or fewer by chance once in 200 times


@pytest.mark.parametrize(("ap", "count"), [([5.0] * 9, 9), ([1.0, 2.0], 2)])
def test_there_is_no_correlation_of_a_constant_or_of_two_classes(ap, count):
    found = correlate(table_of(ap, np.linspace(0.1, 0.5, count), np.arange(1, count + 1)), "run")["area"]
    assert found == (None, None, None)


def test_groups_have_as_many_classes_and_their_means():
    table = table_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [1] * 6)
    groups = group_by_area(table, ["run"])
    assert [group["map"]["run"] for group in groups] == [5.5, 3.5, 1.5]
    assert groups[0]["mean_area_share"] == [0.1, 0.2]
    assert [group["num_classes"] for group in group_by_area(table.head(2), ["run"])] == [1, 1]


def test_the_figures_say_the_correlations_and_are_the_same_each_time():
    rng = np.random.default_rng(2)
    table = table_of(rng.random(30) * 100, rng.random(30), rng.integers(1, 99, 30)).assign(other=50.0)
    labels = ["run", "other"]
    found = {label: correlate(table, label) for label in labels}
    area, objects = class_figures(table, labels, found)
    assert (area.name, objects.name) == ("area", "objects")
    assert as_svg(area.drawn) == as_svg(class_figures(table, labels, found)[0].drawn)
    assert f"run {found['run']['area'].value:.2f} (" in area.caption
    assert f"run {found['run']['objects'].value:.2f} (" in objects.caption
    assert "other –" in area.caption
    assert "means of 10 neighbours" in area.caption  # a third of 30 classes
    value = analyse_classes(table, labels)
    assert len(value["classes"]) == 30
    assert value["spearman"]["other"]["area"] == {"value": None, "low": None, "high": None}
