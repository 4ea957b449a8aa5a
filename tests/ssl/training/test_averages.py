"""Means of metrics: finite values alone, and what was saved is there again with any number of processes."""

import pytest
import torch

from objectcrop.runtime.distributed import World
from objectcrop.ssl.training.metrics import Averages

CPU = torch.device("cpu")
ALONE = World(0, 1, CPU)
NAN = float("nan")


def averages_of(*steps):
    averages = Averages()
    for values in steps:
        averages.add(values)
    return averages


def test_means_are_over_finite_values_and_a_metric_without_any_is_left_out():
    averages = averages_of({"a": 1.0, "b": NAN, "c": float("inf")}, {"a": 2.0, "b": 7.0, "c": NAN})
    assert averages.take(ALONE) == {"a": 1.5, "b": 7.0}
    assert averages.take(ALONE) == {}


def test_the_layout_does_not_depend_on_which_values_are_finite():
    first, second = averages_of({"a": 1.0, "b": 2.0}), averages_of({"b": NAN, "a": NAN})
    assert first.names == second.names == ["a", "b"]
    assert first.own().tolist() == [[1, 2, 1, 1]]
    assert second.own().tolist() == [[0, 0, 0, 0]]


def test_a_metric_that_some_steps_lack_counts_those_that_have_it():
    assert averages_of({"a": 1.0}, {"a": 3.0, "b": 5.0}).take(ALONE) == {"a": 2.0, "b": 5.0}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_two_processes_saved_keeps_its_sum_with_any_number_of_processes(size):
    saved = [averages_of({"a": 1.0, "b": NAN}), averages_of({"a": 2.0, "b": 5.0}, {"a": 4.0, "b": NAN})]
    rows = torch.cat([averages.own() for averages in saved])
    resumed = [Averages() for _ in range(size)]
    for rank, averages in enumerate(resumed):
        averages.restore(saved[0].names, rows, World(rank, size, CPU))
    assert all(averages.names == ["a", "b"] for averages in resumed)
    assert sum(averages.own() for averages in resumed).tolist() == [[7, 5, 3, 1]]
    if size == 2:
        assert torch.equal(torch.cat([averages.own() for averages in resumed]), rows)


def test_saved_sums_of_other_metrics_are_rejected():
    with pytest.raises(ValueError, match=r"saved metrics: 2 columns for the 2 names \['a', 'b'\], expected 4"):
        Averages().restore(["a", "b"], torch.zeros(1, 2), ALONE)
