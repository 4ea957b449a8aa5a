"""Files that were edited since a rule wrote them."""

import os
from pathlib import Path

import pytest

from objectcrop.identity.edits import edited_files, keep_edits
from objectcrop.identity.lineage import VARIABLE, read_lineage, write_lineage
from objectcrop.identity.making import Work, begin
from objectcrop.identity.record import read_record, record_path, stamp_of

FILES = {"results/a/{shard}.txt": "first", "results/b.txt": "second", "results/features.txt": "extract_features"}


@pytest.fixture
def lineage(tmp_path, monkeypatch):
    """A study of three rules, whose files are there."""
    monkeypatch.chdir(tmp_path)
    path = write_lineage(
        "lineage", {file: (rule, {}) for file, rule in FILES.items()}, dict.fromkeys(FILES.values(), "c")
    )
    monkeypatch.setenv(VARIABLE, path)
    for file, rule in FILES.items():
        out = Path(file.replace("{shard}", "7"))
        made = begin(Work(rule, {}, {}, {}, [out], ["python"]))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(rule)
        made.finish()
    return read_lineage(path)


def edited(lineage):
    return edited_files(Path("results"), lineage)


def test_other_bytes_are_found_whether_the_size_changed_or_not(lineage):
    assert edited(lineage) == {}
    Path("results/a/7.txt").write_text("firsT")
    Path("results/b.txt").write_text("second and more")
    assert edited(lineage) == {"results/a/7.txt": "first", "results/b.txt": "second"}


def test_a_file_that_is_gone_is_not_edited(lineage):
    Path("results/b.txt").unlink()
    assert edited(lineage) == {}


def test_a_touched_file_is_read_once(lineage, monkeypatch):
    os.utime("results/a/7.txt", (1, 1))
    assert edited(lineage) == {}
    monkeypatch.setattr("objectcrop.identity.edits.sha256_of", lambda file: pytest.fail(f"{file} is read again"))
    assert edited(lineage) == {}
    record = read_record("results/a/7.txt")
    assert (record.output.stamp, record.rule) == (stamp_of("results/a/7.txt"), "first")


def test_of_a_large_file_its_size_is_looked_at_and_that_it_is_no_older(lineage, monkeypatch):
    monkeypatch.setattr("objectcrop.identity.edits.sha256_of", lambda file: "of other bytes")
    features = Path("results/features.txt")
    os.utime(features)
    assert edited(lineage) == {}
    os.utime(features, (1, 1))  # a backup of another study, put there with its time
    assert edited(lineage) == {"results/features.txt": "extract_features"}
    features.write_text("extract_features and more")
    assert edited(lineage) == {"results/features.txt": "extract_features"}


def test_files_that_the_study_does_not_make_are_left_alone(lineage):
    other = Path("results/other.txt")
    made = begin(Work("measure_subset", {}, {}, {}, [other], ["python"]))
    other.write_text("other")
    made.finish()
    other.write_text("edited")
    Path("results/no_record.txt").write_text("of nobody")
    assert edited(lineage) == {}


def test_a_damaged_record_is_named(lineage):
    record = record_path("results/b.txt")
    record.write_text(record.read_text().replace("second", "sesond", 1))
    with pytest.raises(ValueError, match=r"b\.txt\.json"):
        edited(lineage)


def test_only_what_is_about_to_be_made_is_moved_and_no_edit_is_lost(lineage, capsys):
    for text in ("one edit", "another"):
        for file in ("results/a/7.txt", "results/b.txt"):
            Path(file).write_text(text)
        keep_edits(edited(lineage), {"results/b.txt"})
    assert Path("results/b.txt.edited").read_text() == "one edit"
    assert Path("results/b.txt.edited-2").read_text() == "another"
    assert not Path("results/b.txt").exists()
    assert Path("results/a/7.txt").read_text() == "another"
    said = capsys.readouterr().err
    assert "results/b.txt: its bytes are not those that second wrote; they are moved to results/b.txt.edited-2" in said
