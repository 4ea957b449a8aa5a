"""Flipped bytes in tables: an equal table, or one sentence that names the file."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, check, read_note, read_table, write_table, writing_table
from tests.flips import KINDS, outcomes

NUM_ROWS = 300
RNG = np.random.default_rng(0)
IDS = [f"image-{number:05}" for number in range(NUM_ROWS)]


def manifest() -> pd.DataFrame:
    sizes = {name: RNG.integers(1, 5000, NUM_ROWS) for name in ("width_px", "height_px", "num_bytes")}
    rows = {
        "image_id": IDS,
        "path": [f"train/{name}.jpg" for name in IDS],
        **sizes,
        "split": "train",
        "digest": "0" * 16,
    }
    return check(pd.DataFrame(rows), MANIFEST, where="test")


def annotations() -> pd.DataFrame:
    rows = {name: RNG.random(NUM_ROWS) for name in ("x1", "y1", "x2", "y2")}
    rows |= {name: RNG.random(NUM_ROWS) < 0.5 for name in ("is_group_of", "is_crowd", "is_depiction")}
    rows |= {name: RNG.choice(IDS[:50], NUM_ROWS) for name in ("image_id", "class_id")}
    return check(pd.DataFrame(rows).assign(source="s", split="train"), ANNOTATIONS, where="test", categories=True)


def random_proposals() -> pd.DataFrame:
    rows = {name: RNG.random(NUM_ROWS) for name in ("x1", "y1", "x2", "y2", "score")}
    rows |= {"image_id": np.repeat(IDS[: NUM_ROWS // 5], 5), "rank": np.tile(np.arange(5), NUM_ROWS // 5)}
    return check(pd.DataFrame(rows), PROPOSALS, where="test")


TABLES = [(manifest(), MANIFEST), (annotations(), ANNOTATIONS), (random_proposals(), PROPOSALS)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("frame", "schema"), TABLES, ids=lambda value: getattr(value, "name", ""))
def test_flipped_bytes_are_noticed(tmp_path, frame, schema, kind):
    path = tmp_path / "table.parquet"
    write_table(frame, path, schema, notes={"precision": "bfloat16"})
    result = outcomes(path, lambda: (read_table(path, schema), read_note(path, "precision")), kind)
    assert not result.others
    assert result.equal + result.rejected == 60
    assert result.rejected >= 57  # few bytes are read by nobody: unused fields of the headers of pages


def test_flipped_bytes_of_a_table_written_in_parts_are_noticed(tmp_path):
    path, frame = tmp_path / "table.parquet", TABLES[2][0]
    with writing_table(path, PROPOSALS) as write:
        for first in range(0, NUM_ROWS, 50):
            write(frame[first : first + 50])
    result = outcomes(path, lambda: read_table(path, PROPOSALS), "one_bit")
    assert not result.others
    assert result.rejected >= 57


def test_any_bit_of_a_footer_that_is_flipped_is_noticed(tmp_path):
    path = tmp_path / "table.parquet"
    write_table(TABLES[2][0], path, PROPOSALS, notes={"precision": "bfloat16"})
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for place in range(8 * start, 8 * len(data), 29):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"table\.parquet: cannot be read as Parquet"):
            read_note(path, "precision")


def test_a_footer_has_its_digest_before_it_where_no_reader_looks(tmp_path):
    path = tmp_path / "table.parquet"
    write_table(TABLES[2][0], path, PROPOSALS, notes={"precision": "bfloat16"})
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert hashlib.sha256(data[start:]).digest() in data[start - 66 : start]
    assert pq.read_schema(path).metadata == {b"precision": b"bfloat16"}
    pd.testing.assert_frame_equal(pd.read_parquet(path), TABLES[2][0])


@pytest.mark.parametrize("value", [0.25, 1.5])
def test_a_number_that_another_took_the_place_of_is_noticed(tmp_path, value):
    path = tmp_path / "boxes.parquet"
    frame = annotations().assign(x1=np.float32(0.123))
    write_table(frame, path, ANNOTATIONS)
    old, new = (np.float32(number).tobytes() for number in (0.123, value))
    assert path.read_bytes().count(old) > 0
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(ValueError, match=r"boxes\.parquet: cannot be read as Parquet \(.*CRC.*\); remove it"):
        read_table(path, ANNOTATIONS)


def test_a_table_of_another_tool_without_checksums_is_read(tmp_path):
    path = tmp_path / "external.parquet"
    pq.write_table(pq.read_table(_written(tmp_path)), path)
    pd.testing.assert_frame_equal(read_table(path, PROPOSALS), TABLES[2][0])


def _written(folder):
    write_table(TABLES[2][0], folder / "ours.parquet", PROPOSALS)
    return folder / "ours.parquet"


def test_a_note_of_a_damaged_file_is_reported_by_its_name(tmp_path):
    (tmp_path / "odd.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"odd\.parquet: cannot be read as Parquet"):
        read_note(tmp_path / "odd.parquet", "precision")
