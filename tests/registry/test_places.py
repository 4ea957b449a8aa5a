"""How runs are named on a command line."""

from pathlib import Path

import pytest

from objectcrop.registry.places import Selection, select

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    for folder in ("results/pretrain/oac/s0", "other/pretrain/oac/s1", "empty"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("results", Selection(RESULTS)),
        ("oac", Selection(RESULTS, "oac")),
        ("oac/s0", Selection(RESULTS, "oac", 0)),
        ("results/pretrain/oac", Selection(RESULTS, "oac")),
        ("other/pretrain/oac/s1", Selection(Path("other"), "oac", 1)),
    ],
)
def test_a_folder_a_run_or_a_seed_is_named_by_its_path_or_its_name(text, expected):
    assert select(text, RESULTS) == expected


@pytest.mark.parametrize("text", ["oac/s7", "nothing", "empty", "results/pretrain/oac/s1"])
def test_what_is_not_there_is_rejected_with_what_was_expected(text):
    with pytest.raises(ValueError, match=f"{text}: expected a folder of results, a run's folder below one"):
        select(text, RESULTS)


def test_a_folder_inside_a_run_that_is_no_seed_is_rejected(tmp_path):
    Path("results/pretrain/oac/latest").mkdir()
    with pytest.raises(ValueError, match=r"latest: expected the folder of a run or of one of its seeds"):
        select("oac/latest", RESULTS)
