"""Curves: what is drawn of the logs, smoothed, with seeds as bands."""

import numpy as np
import pytest

from objectcrop.report.figures.curves import curve_figures, curve_of, smoothed
from objectcrop.report.figures.folder import as_svg


def summary(run, rows, seed=0, monitored=()):
    return {"run": run, "seed": seed, "history": list(rows), "monitored": list(monitored)}


def test_there_is_a_figure_for_each_question_that_some_run_answers_and_it_is_the_same_twice():
    rows = [{"images_seen": n, "loss": 2.0 / n, "loss_contrastive": 1.0 / n, "accuracy_rotation": 1.0} for n in (1, 2)]
    supervised = [{"images_seen": n, "loss": 1.0 / n} for n in (1, 2)]
    summaries = [summary("oac", rows), summary("supervised", supervised), summary("random", [])]
    figures = {figure.name: figure for figure in curve_figures(summaries)}
    assert list(figures) == ["loss-contrastive", "loss", "accuracy-rotation"]
    drawn = as_svg(figures["loss"].drawn)
    assert drawn == as_svg(curve_figures(summaries)[1].drawn)
    assert "supervised" in drawn
    assert "oac" not in drawn  # its loss is the sum of parts that have figures of their own
    assert (
        figures["loss"].alt
        == "supervised loss over the images seen, from the first to the last point: supervised 1 to 0.5."
    )


def test_nothing_is_drawn_where_nothing_was_trained():
    assert curve_figures([summary("random", [])]) == []


def test_monitors_say_what_to_look_out_for_and_where_chance_is():
    rows = [{"images_seen": n, "loss": 1.0, "loss_contrastive": 1.0} for n in (1, 2)]
    monitored = [{"images_seen": n, "effective_rank": 9, "accuracy_knn": 0.5} for n in (1, 2)]
    with_chance = [row | {"accuracy_knn_chance": 0.25} for row in monitored]
    rank, knn = curve_figures([summary("a", rows, monitored=with_chance)])[1:]
    assert "one direction is left" in rank.caption
    assert "Dark and dotted: chance." in knn.caption
    assert "At chance" in knn.caption
    assert "dotted" not in curve_figures([summary("a", rows, monitored=monitored)])[2].caption


def test_seeds_are_a_mean_and_a_band_at_the_images_of_the_first():
    first = summary("a", [{"images_seen": n, "loss": float(n)} for n in (0, 2, 4)])
    second = summary("a", [{"images_seen": n, "loss": n + 2.0} for n in (0, 1, 4)], seed=1)
    curve = curve_of([first, second], "loss")
    assert curve.images.tolist() == [0, 2, 4]
    assert curve.low.tolist() == [0, 2, 4]
    assert curve.high.tolist() == [2, 4, 6]
    assert curve.mean.tolist() == [1, 3, 5]
    assert curve.raw is None
    assert curve_of([first], "loss").raw.tolist() == [0, 2, 4]
    assert curve_of([first], "loss_dense") is None
    (figure,) = curve_figures([first, second])
    assert "Bands: from the lowest to the highest seed." in figure.caption
    assert "Smoothed" not in figure.caption  # three points


def test_smoothing_keeps_lines_and_takes_noise_away():
    line = np.linspace(3, -1, 200)
    assert smoothed(line) == pytest.approx(line, abs=1e-9)
    noise = np.random.default_rng(0).normal(size=2000)
    # of the mean of about 100 values
    assert smoothed(noise).std() == pytest.approx(noise.std() / 10, rel=0.3)
    assert smoothed(noise[:9]).tolist() == noise[:9].tolist()
