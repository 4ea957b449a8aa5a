"""Records: what is written is read, and what is damaged is named."""

import json
import random

import pytest

from objectcrop.identity.record import Input, Record, input_of, read_record, record_path, stamp_of, write_record

STORY = {"seconds": 1.5, "outputs": ["out.json"]}


def written(tmp_path):
    file = tmp_path / "out.json"
    file.write_text("{}")
    read = tmp_path / "in.txt"
    read.write_text("in")
    output = input_of(file)
    record = Record(str(file), output, "rule", {"a": {"b": 1}}, {"seed": 3}, "code", {"read": [input_of(read)]}, STORY)
    write_record(record)
    return file, record


def test_a_record_is_read_as_it_was_written(tmp_path):
    file, record = written(tmp_path)
    assert read_record(file) == record
    assert read_record(tmp_path / "other.json") is None


def outcome(file, record, path):
    try:
        found = read_record(file)
    except ValueError as error:
        return "named" if str(error).startswith(f"{path}: this record of {file} is damaged") else str(error)
    return "same" if found == record else "silently different"


def test_every_flipped_byte_of_a_record_is_noticed_or_changes_nothing(tmp_path):
    file, record = written(tmp_path)
    path, rng = record_path(file), random.Random(5)
    whole = path.read_bytes()
    outcomes = {"same": 0, "named": 0}
    for _ in range(300):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        outcomes[outcome(file, record, path)] += 1
    assert outcomes["named"] > 250


def test_a_record_of_another_format_is_damaged(tmp_path):
    file, _ = written(tmp_path)
    path = record_path(file)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ValueError, match="is damaged"):
        read_record(file)


def test_a_folder_is_its_files_and_their_bytes_whatever_their_order_and_times(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, names in ((one, "ab"), (two, "ba")):
        (folder / "deep").mkdir(parents=True)
        for name in names:
            (folder / "deep" / name).write_text(name)
    assert input_of(one).sha256 == input_of(two).sha256
    before = stamp_of(one)
    (one / "deep" / "a").write_text("x")
    assert input_of(one).sha256 != input_of(two).sha256
    assert stamp_of(one) != before
    (two / "deep" / "a").rename(two / "deep" / "c")
    assert input_of(two).sha256 not in (input_of(one).sha256, Input(*input_of(one)).sha256)
