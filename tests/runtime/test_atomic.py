"""Files appear whole or not at all."""

import json

import pytest

from objectcrop.runtime.atomic import read_json, replacing, write_json, write_text


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_to_be_seen_until_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "result.txt"
    with replacing(target) as aside:
        aside.write_text("new")
        assert not target.exists()
        assert aside.suffix == ".txt"
        assert aside.parent == target.parent
    assert target.read_text() == "new"
    assert names(target.parent) == ["result.txt"]


def write_and_fail(target):
    with replacing(target) as aside:
        aside.write_text("half")
        raise KeyboardInterrupt


def test_an_interrupt_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(target)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["result.txt"]


def test_a_block_that_writes_nothing_is_an_error_and_leaves_the_old_file(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(target):
        pass
    assert target.read_text() == "old"


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "result.txt"
    with replacing(target) as first, replacing(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"  # the outer block ends last
    assert names(tmp_path) == ["result.txt"]


def test_json_is_sorted_and_read_back(tmp_path):
    value = {"b": [1, 2.5, None], "a": "ü"}
    write_json(tmp_path / "v.json", value)
    assert list(json.loads((tmp_path / "v.json").read_text())) == ["a", "b"]
    assert read_json(tmp_path / "v.json") == value


def test_json_rejects_what_is_no_number(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "v.json", {"loss": float("nan")})
    assert names(tmp_path) == []


def test_broken_json_is_named(tmp_path):
    write_text(tmp_path / "v.json", "{")
    with pytest.raises(ValueError, match=r"v\.json: not valid JSON"):
        read_json(tmp_path / "v.json")
