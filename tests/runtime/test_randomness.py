"""Generators depend on their keys and on nothing else."""

import subprocess
import sys

import numpy as np
import pytest

from objectcrop.runtime.randomness import Seeds, generator

KEYS = (0, "views", 3, "image")


def test_equal_keys_give_equal_draws_and_draws_do_not_disturb_others():
    first = generator(*KEYS)
    generator(1, "views").random(100)
    np.random.default_rng(0).random(100)
    assert first.random(5).tolist() == generator(*KEYS).random(5).tolist()


@pytest.mark.parametrize(
    "other",
    [(1, "views", 3, "image"), (0, "view", 3, "image"), (0, "views", "3", "image"), (0, "views", 3), (0, "views")],
)
def test_any_other_key_gives_other_draws(other):
    assert generator(*KEYS).random(5).tolist() != generator(*other).random(5).tolist()


def test_keys_do_not_run_into_each_other():
    assert generator(0, "a", "b", "c").random() != generator(0, "a", "bc").random()
    assert generator(0, "a", 1, 23).random() != generator(0, "a", 12, 3).random()


def test_another_process_draws_the_same():
    # Python's own hash of strings differs between processes; the generator must not.
    code = f"from objectcrop.runtime.randomness import generator; print(generator(*{KEYS!r}).integers(2**40))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(answer.stdout) == generator(*KEYS).integers(2**40)


def test_first_draws_of_many_keys_are_uniform():
    draws = np.array([generator(0, "views", number).random() for number in range(4000)])
    counts = np.histogram(draws, bins=10, range=(0, 1))[0]
    assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared, 9 degrees of freedom, p = 0.001
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.06


def test_seeds_draw_by_study_stage_run_and_keys():
    study, stage, run, key = KEYS
    assert Seeds(study, run).generator(stage, key).random() == generator(*KEYS).random()


def test_seeds_for_torch_begin_alike_however_many_are_drawn():
    seeds = Seeds(0, 3)
    assert seeds.torch_seed("queue") == int(generator(0, "queue", 3).integers(2**62))
    assert seeds.torch_seeds("queue", count=3)[:2] == seeds.torch_seeds("queue", count=2)
    assert seeds.torch_seeds("queue", count=2)[0] == seeds.torch_seed("queue")
