"""Box CSVs damaged at random: each becomes a valid table or an error that names the file. `make fuzz` tries many more."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectcrop.data.readers.openimages import read_openimages_boxes
from objectcrop.tables import ANNOTATIONS, check, empty_table
from tests.data.readers.box_csv import COLUMNS, GOOD, HEADER, lines, row


def outcome(content: bytes, name: str = "fuzzed.csv") -> bool:
    """Whether a valid table was read; if not, our own error must name the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            boxes, message = check(read_openimages_boxes(path, "train"), ANNOTATIONS, where="fuzzed"), ""
        except (ValueError, FileNotFoundError) as error:
            boxes, message = empty_table(ANNOTATIONS), str(error)
    assert message == "" or str(path) in message
    assert ((boxes["x1"] >= 0) & (boxes["x1"] <= boxes["x2"]) & (boxes["x2"] <= 1)).all()
    assert ((boxes["y1"] >= 0) & (boxes["y1"] <= boxes["y2"]) & (boxes["y2"] <= 1)).all()
    assert not (boxes[["image_id", "class_id"]] == "").any(axis=None)
    return message == ""


words = [
    "",
    "0",
    "1",
    "-1",
    "0.5",
    "1.0004",
    "nan",
    "inf",
    "1e400",
    "a",
    "/m/1",
    '"',
    '"b"',
    '""',
    "\u00e9",
    "0a\n",
    " ",
    "\0",
]
cells = st.lists(st.sampled_from(words), min_size=12, max_size=14).map(",".join)
nearly_good = st.lists(
    st.sampled_from([*COLUMNS, ""]).flatmap(lambda name: st.sampled_from(words).map(lambda word: {name: word}))
).map(lambda changes: row(**{name: word for change in changes for name, word in change.items() if name}))
edits = st.lists(
    st.tuples(st.sampled_from(["replace", "insert", "drop", "cut"]), st.integers(0, 400), st.binary(max_size=3)),
    max_size=4,
)


def edited(content: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, new in changes:
        start = place % (len(content) + 1)
        end = {"replace": start + len(new), "insert": start, "drop": start + 5, "cut": len(content)}[kind]
        content = content[:start] + (b"" if kind in ("drop", "cut") else new) + content[end:]
    return content


def tried(cases: int, files: st.SearchStrategy[bytes], name: str = "fuzzed.csv") -> dict[bool, int]:
    """Try `cases` files, always the same, each with an outcome that is right; how many were read (True) and rejected (False)."""
    counts = {True: 0, False: 0}

    @given(files)
    @settings(max_examples=cases, deadline=None, derandomize=True, database=None)
    def try_one(content: bytes) -> None:
        counts[outcome(content, name)] += 1

    try_one()
    return counts


@pytest.mark.slow
def test_any_rows_become_a_valid_table_or_an_error_that_names_the_file():
    rows = st.lists(cells | nearly_good, max_size=4)
    files = st.builds(
        lambda rows, end, mark: (mark + end.join([HEADER, *rows])).encode(),
        rows,
        st.sampled_from(["\n", "\r\n", "\r"]),
        st.sampled_from(["", "\ufeff"]),
    )
    assert min(tried(1000, files).values()) >= 25


@pytest.mark.slow
def test_a_damaged_file_becomes_a_valid_table_or_an_error_that_names_the_file():
    files = edits.map(lambda changes: edited(lines(GOOD, row(ImageID="0b"), GOOD), changes))
    assert min(tried(900, files).values()) >= 25


@pytest.mark.slow
def test_a_damaged_gzipped_file_becomes_a_valid_table_or_an_error_that_names_the_file():
    packed = gzip.compress(lines(GOOD, row(ImageID="0b")), mtime=0)
    files = edits.map(lambda changes: edited(packed, changes))
    assert min(tried(400, files, "fuzzed.csv.gz").values()) >= 3


@pytest.mark.slow
def test_any_bytes_become_a_valid_table_or_an_error_that_names_the_file():
    files = st.binary(max_size=200).flatmap(lambda junk: st.sampled_from([junk, lines() + junk]))
    assert min(tried(250, files).values()) >= 1
