"""The record of a finished job: it gives back the bytes that were written, or says that it does not."""

import random

import pytest

from objectcrop.identity.finished import FOLDER, RECORD, Finished, Origin, stored_origin

CONTENT = {"weights": bytes(range(256)) * 8, "summary.json": b'{"cost": 1}\n'}
ORIGIN = Origin("0123456789abcdef", "c0de")


@pytest.fixture
def finished(tmp_path):
    """A job that wrote its outputs, recorded them, and lost them again."""
    outputs = {name: tmp_path / "out" / f"{name}.here" for name in CONTENT}
    (tmp_path / "out").mkdir()
    for name, output in outputs.items():
        output.write_bytes(CONTENT[name])
    job = Finished(tmp_path / "states", ORIGIN, outputs)
    job.keep()
    for output in outputs.values():
        output.unlink()
    return job


def written(job):
    return {name: output.read_bytes() for name, output in job.outputs.items() if output.exists()}


def test_without_a_record_nothing_is_restored_or_said(tmp_path, capsys):
    job = Finished(tmp_path, ORIGIN, {"weights": tmp_path / "w"})
    assert not job.restore()
    assert capsys.readouterr().err == ""


def test_the_outputs_come_back_byte_by_byte(finished, capsys):
    assert finished.restore()
    assert written(finished) == CONTENT
    assert "finished before" in capsys.readouterr().err
    assert stored_origin(finished.states) == ORIGIN


@pytest.mark.parametrize("origin", [Origin("fedcba9876543210", "c0de"), Origin("0123456789abcdef", "0ther")])
def test_a_record_of_something_else_is_not_used(finished, origin, capsys):
    other = Finished(finished.states, origin, finished.outputs)
    assert not other.restore()
    assert written(other) == {}
    assert capsys.readouterr().err == "", "who moves it aside says so"


def test_only_the_first_process_writes_and_all_agree(finished, monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    assert finished.restore()
    assert written(finished) == {}
    assert capsys.readouterr().err == ""


def test_an_output_that_rots_does_not_spoil_the_record(finished):
    finished.restore()
    with finished.outputs["weights"].open("rb+") as file:
        file.write(b"rotten")
    assert finished.restore()
    assert written(finished) == CONTENT


@pytest.mark.parametrize("name", [*CONTENT, RECORD])
def test_no_flip_passes_unnoticed_and_none_is_an_exception(finished, name, capsys):
    path = finished.states / FOLDER / name
    whole = path.read_bytes()
    rng, num_rejected = random.Random(7), 0
    for _ in range(60):
        flipped = bytearray(whole)
        for place in rng.sample(range(len(whole)), 4):
            flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        is_restored = finished.restore()
        assert written(finished) == (CONTENT if is_restored else {})
        for output in finished.outputs.values():
            output.unlink(missing_ok=True)
        num_rejected += not is_restored
    assert num_rejected >= (60 if name != RECORD else 50), "a blank of the record may change without harm"
    assert capsys.readouterr().err.count("damaged") >= 30


@pytest.mark.parametrize("name", [*CONTENT, RECORD])
def test_a_missing_or_cut_file_is_not_restored(finished, name):
    path = finished.states / FOLDER / name
    path.write_bytes(path.read_bytes()[:-3])
    assert not finished.restore()
    path.unlink()
    assert not finished.restore()
    assert written(finished) == {}


def test_a_job_killed_while_it_records_has_no_record(finished, monkeypatch):
    """The older record goes first: its digests are not those of the new files."""

    def killed(*_):
        raise KeyboardInterrupt

    finished.restore()
    monkeypatch.setattr("objectcrop.identity.finished.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        finished.keep()
    assert stored_origin(finished.states) is None
    assert not finished.restore()
