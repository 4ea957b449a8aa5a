"""Packed CSVs are read as far as text packs: a small file does not fill the memory."""

import bz2
import gzip

import pyarrow as pa
import pytest

from objectcrop.data.readers import packed
from objectcrop.data.readers.openimages import read_class_names, read_openimages_boxes
from tests.data.readers.box_csv import GOOD, lines

ZSTD = pa.Codec("zstd")
PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": lambda data: ZSTD.compress(data, asbytes=True)}
ROWS = 20_000


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_file_that_unpacks_to_far_more_than_text_does_is_rejected_by_name(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"boxes.csv{suffix}"
    path.write_bytes(PACKERS[suffix](lines(*[GOOD] * ROWS)))
    assert len(read_openimages_boxes(path, "train")) == ROWS  # below what is always read
    monkeypatch.setattr(packed, "ALWAYS_BYTES", 10_000)
    with pytest.raises(
        ValueError, match=rf"boxes\.csv\{suffix}: holds more than [\d,]+ bytes once it is unpacked, .* get it again"
    ):
        read_openimages_boxes(path, "train")


def test_no_more_is_unpacked_than_the_limit(tmp_path, monkeypatch):
    path = tmp_path / "boxes.csv.gz"
    path.write_bytes(gzip.compress(lines(*[GOOD] * 500_000)))
    monkeypatch.setattr(packed, "ALWAYS_BYTES", 1 << 20)
    taken = []
    monkeypatch.setattr(packed._Bounded, "readinto", _counting(packed._Bounded.readinto, taken))
    with pytest.raises(ValueError, match="holds more than"):
        read_openimages_boxes(path, "train")
    assert (
        sum(taken) < 3 * packed.MAX_RATIO * path.stat().st_size
    )  # a third of what it holds, however often it is opened


def _counting(readinto, taken):
    def counted(self, buffer):
        taken.append(number := readinto(self, buffer))
        return number

    return counted


def test_names_of_classes_may_be_packed_and_are_bounded_too(tmp_path, monkeypatch):
    text = b"".join(b"/m/%d,Dog\n" % number for number in range(ROWS))
    (tmp_path / "plain.csv").write_bytes(text)
    (tmp_path / "classes.csv.gz").write_bytes(gzip.compress(text))
    assert read_class_names(tmp_path / "classes.csv.gz") == read_class_names(tmp_path / "plain.csv")
    monkeypatch.setattr(packed, "ALWAYS_BYTES", 10_000)
    monkeypatch.setattr(packed, "MAX_RATIO", 2)
    with pytest.raises(ValueError, match=r"classes\.csv\.gz: .*holds more than"):
        read_class_names(tmp_path / "classes.csv.gz")
    assert len(read_class_names(tmp_path / "plain.csv")) == ROWS
