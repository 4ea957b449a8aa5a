"""A short form of `python -m tests.fuzz`: every reader takes its own files, and a few changed ones without a fault."""

import pytest

from tests.fuzz.outcomes import READ, REJECTED, fuzz, outcome
from tests.fuzz.readers import VOC_BOMB, Reader, all_readers

NAMES = ["images", "box CSV", "class names", "COCO instances", "VOC XML", "text list", "external JSON", "safetensors"]
NAMES += ["torch checkpoint", "pickle of arrays", "state", "scores", "JSON", "config"]
NAMES += ["table of manifest", "table of annotations", "table of proposals"]


@pytest.fixture(scope="module")
def readers(root, tmp_path_factory):
    return all_readers(root, tmp_path_factory.mktemp("seeds"))


def test_all_readers_are_tried(readers):
    assert list(readers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_changed_files_are_read_or_rejected_by_name(readers, tmp_path, name):
    for data in readers[name].files:
        assert outcome(readers[name], data, tmp_path) == (REJECTED if data == VOC_BOMB.encode() else READ)
    counts, faults = fuzz(readers[name], 20, tmp_path, seed=1)
    assert not faults
    assert counts.total() == 20
    assert not list(tmp_path.iterdir())


def test_a_reader_that_fails_hangs_or_does_not_name_the_file_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.fuzz.outcomes.SECONDS", 0.05)

    def hang(path):
        while True:
            path.stat()

    def fail(path):
        raise KeyError("lost")

    def forget(path):
        raise ValueError("it is damaged")

    for read, words in ((hang, "HangError: longer than 0.05 s"), (fail, "KeyError: 'lost'"), (forget, "not named")):
        _, faults = fuzz(Reader(".txt", [b"abc"], read), 2, tmp_path, seed=0)
        assert [fault.startswith(words) for fault in faults] == [True]
