"""Aliases of YAML that multiply, or stand in what they name, end at once with one message that names file and section."""

import time

import pytest
import yaml

from objectcrop.study.loading import MAX_VALUES, StudyError, examine
from objectcrop.study.plan.plan import load_plan


def multiplied(before: str, first: str) -> str:
    """Nine aliases of nine aliases ..., eight times: 9^8 values in 700 characters."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, 9):
        parts = [f"{f'k{number}: ' if first.startswith('{') else ''}*a{level - 1}" for number in range(9)]
        lines.append(f"a{level}: &a{level} {first[0]}{', '.join(parts)}{first[-1]}")
    return "\n".join([*lines, f"{before}: *a8"])


BOMBS = {
    "runs": "runs: &r {a: *r}",
    "tables": "tables: &t [*t]",
    "note": "note: &n [*n, *n]",
    "tasks": multiplied("tasks", "[x, y]"),
    "datasets": multiplied("datasets", "{x: 1}"),
}


@pytest.mark.parametrize("section", BOMBS)
def test_they_end_at_once_with_one_message(section):
    config = yaml.safe_load(f"name: x\n{BOMBS[section]}")
    start = time.monotonic()
    with pytest.raises(
        StudyError, match=rf"^the study \(mine\.yaml\) has .*\n(  - .*\n)*  - {section}: .*alias"
    ) as stopped:
        load_plan(config, ["mine.yaml"])
    assert time.monotonic() - start < 10
    assert len(str(stopped.value)) < 2000


def test_as_many_values_as_the_limit_are_looked_at():
    for extra, says in ((0, False), (1, True)):
        problems = examine({"name": "x", "note": [0] * (MAX_VALUES + extra)}).problems
        assert any("once its aliases" in problem for problem in problems) == says
