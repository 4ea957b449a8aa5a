"""Box CSVs that are not as they should be: each kind of damage gets the treatment that docs/data.md names."""

import gzip

import pytest

from objectcrop.data.readers.openimages import read_openimages_boxes
from objectcrop.data.readers.registry import parse_dataset, read_labels
from objectcrop.tables import ANNOTATIONS, check
from tests.data.readers.box_csv import GOOD, HEADER, lines, row


@pytest.fixture
def read(tmp_path):
    def read_bytes(content: bytes, name: str = "boxes.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return check(read_openimages_boxes(path, "train"), ANNOTATIONS, where="test")

    return read_bytes


@pytest.fixture
def error_of(read):
    """Return the error message of a file; it names the file."""

    def run(content: bytes, name: str = "boxes.csv") -> str:
        with pytest.raises(ValueError, match=name.replace(".", r"\.")) as caught:
            read(content, name)
        return str(caught.value)

    return run


def test_a_missing_column_is_named(error_of):
    assert "lacks the column(s) ['XMax', 'IsGroupOf']" in error_of(
        lines(GOOD, header=HEADER.replace("XMax", "Right").replace("IsGroupOf", "Group"))
    )


def test_a_column_that_occurs_twice_is_named(error_of):
    assert "has the column(s) ['XMin'] more than once" in error_of(lines(GOOD + ",0.3", header=HEADER + ",XMin"))


@pytest.mark.parametrize("value", ["nan", "NaN", "NULL", ""])
def test_a_corner_that_is_no_number_is_rejected_with_its_line(error_of, value):
    message = error_of(lines(GOOD, row(YMax=value)))
    assert "boxes.csv, line 3: the box has a corner that is no number" in message
    assert "y2 nan; 1 such row(s)" in message


def test_a_corner_that_is_a_word_is_rejected_with_its_line(error_of):
    assert "line 3: CSV conversion error to double: invalid value 'wide'" in error_of(lines(GOOD, row(XMin="wide")))


def test_a_box_turned_inside_out_is_rejected_with_its_line_and_values(error_of):
    message = error_of(lines(GOOD, row(XMin="0.7"), GOOD, row(XMin="0.8")))
    assert "boxes.csv, line 3: the box is inverted" in message
    assert "x1 0.7, y1 0.2, x2 0.5, y2 0.6; 2 such row(s)" in message


@pytest.mark.parametrize("corner", [{"XMin": "-0.2"}, {"XMax": "1.0011"}, {"YMin": "-1"}, {"YMax": "640"}])
def test_a_box_outside_the_image_is_rejected_with_its_line(error_of, corner):
    assert "boxes.csv, line 2: the box is outside the image" in error_of(lines(row(**corner)))


def test_a_corner_outside_by_a_thousandth_is_clipped(read):
    boxes = read(lines(row(XMin="-0.001", YMin="-0.0004", XMax="1.001", YMax="1.0009")))
    assert boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[0, 0, 1, 1]]


def test_a_class_without_description_is_named_with_the_file_of_descriptions(tmp_path):
    (tmp_path / "boxes.csv").write_bytes(lines(GOOD, row(LabelName="/m/2")))
    (tmp_path / "names.csv").write_text("/m/1,One\n")
    (tmp_path / "train").mkdir()
    layout = {"boxes": {"train": "boxes.csv"}, "class_descriptions": "names.csv", "images": {"train": "train"}}
    with pytest.raises(ValueError, match=r"names\.csv: 1 class\(es\) have boxes but no description, first '/m/2'"):
        read_labels("some", parse_dataset({"source": "openimages", **layout}), tmp_path)


def test_repeated_rows_are_kept(read):
    assert len(read(lines(GOOD, GOOD, GOOD))) == 3


def test_a_byte_order_mark_does_no_harm(read):
    assert read("\ufeff".encode() + lines(GOOD)).equals(read(lines(GOOD)))


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_other_line_ends_do_no_harm(read, end):
    assert read(lines(GOOD, row(ImageID="0b")).replace(b"\n", end)).equals(read(lines(GOOD, row(ImageID="0b"))))


def test_quoted_fields_are_unquoted(read):
    quoted = ",".join(f'"{cell}"' for cell in GOOD.split(","))
    header = ",".join(f'"{cell}"' for cell in HEADER.split(","))
    assert read(lines(quoted, header=header)).equals(read(lines(GOOD)))
    assert read(lines(row(ImageID='"0,a"')))["image_id"].tolist() == ["0,a"]


def test_a_quote_that_is_never_closed_is_rejected_with_its_line(error_of):
    assert "line 2: Expected 13 columns, got 1" in error_of(lines('"' + GOOD))


@pytest.mark.parametrize("content", [b"", b"\n\n", "\ufeff".encode()])
def test_an_empty_file_is_rejected(error_of, content):
    assert "cannot be read as an Open Images box CSV" in error_of(content)


def test_a_header_alone_has_no_boxes(read):
    assert len(read(lines())) == 0


def test_an_unpacked_and_a_gzipped_file_read_the_same(read):
    assert read(gzip.compress(lines(GOOD)), "boxes.csv.gz").equals(read(lines(GOOD)))


@pytest.mark.parametrize("num_bytes", [1, 15, 60])
def test_a_gzipped_file_that_is_cut_off_is_rejected(error_of, num_bytes):
    packed = gzip.compress(lines(*(row(ImageID=f"{n:x}") for n in range(200))))
    assert "cannot be read" in error_of(packed[:-num_bytes], "boxes.csv.gz")


def test_a_file_that_is_called_gz_and_is_none_is_rejected(error_of):
    assert "cannot be read" in error_of(lines(GOOD), "boxes.csv.gz")


@pytest.mark.parametrize("content", [bytes(range(256)) * 8, b"\x89PNG\r\n\x1a\n" + b"\0" * 100, lines(GOOD)[1:] * 2])
def test_binary_junk_is_rejected(error_of, content):
    assert "boxes.csv" in error_of(content)


@pytest.mark.parametrize(("bad", "num_fields"), [("0a,xclick", 2), (GOOD + ",3", 14), ("   ", 1)])
def test_a_row_with_another_number_of_fields_is_rejected_with_its_line(error_of, bad, num_fields):
    assert f"line 3: Expected 13 columns, got {num_fields}" in error_of(lines(GOOD, bad, GOOD))


@pytest.mark.parametrize("value", ["1e400", "-1e400", "9" * 400])
def test_a_number_too_large_for_a_double_is_no_number(error_of, value):
    assert "boxes.csv, line 2: the box has a corner that is no number" in error_of(lines(row(XMax=value)))


def test_a_large_number_is_outside_the_image(error_of):
    assert "outside the image (corners must be in 0..1): x1 0.1, y1 0.2, x2 1e+300" in error_of(
        lines(row(XMax="1e300"))
    )


@pytest.mark.parametrize("value", ["2", "-2", "127", ""])
def test_a_flag_of_another_value_is_rejected_with_its_line(error_of, value):
    assert "boxes.csv, line 2: IsDepiction must be -1, 0 or 1" in error_of(lines(row(IsDepiction=value)))


@pytest.mark.parametrize("value", ["128", "9" * 30, "0.5", "true"])
def test_a_flag_that_is_no_small_whole_number_is_rejected_with_its_line(error_of, value):
    assert f"line 2: CSV conversion error to int8: invalid value '{value}'" in error_of(lines(row(IsGroupOf=value)))


@pytest.mark.parametrize("column", ["ImageID", "LabelName"])
def test_an_empty_id_is_rejected_with_its_line(error_of, column):
    assert f"boxes.csv, line 3: {column} is empty; 2 such row(s)" in error_of(lines(GOOD, *[row(**{column: ""})] * 2))


@pytest.mark.parametrize("value", ["0\0a", "0\ta", "\x7f", '"0\na"'])
@pytest.mark.parametrize("column", ["ImageID", "LabelName"])
def test_an_id_with_a_nul_byte_or_another_control_character_is_rejected_with_its_line(error_of, column, value):
    assert f"boxes.csv, line 3: {column} holds a control character" in error_of(lines(GOOD, row(**{column: value})))


def test_a_nul_byte_in_a_number_is_rejected_with_its_line(error_of):
    assert "line 2: CSV conversion error to double" in error_of(lines(row(XMin="0.\x001")))


def test_text_that_is_not_utf_8_is_rejected_with_its_line(error_of):
    assert "line 3: CSV conversion error to string: invalid UTF8" in error_of(
        lines(GOOD) + row(ImageID="\xe9").encode("latin-1") + b"\n"
    )
    error_of(lines(GOOD).replace(b"IsInside", b"\xe9"))
    error_of(lines(GOOD).decode().encode("utf-16"))


def test_empty_lines_are_passed_over_but_counted(read, error_of):
    assert len(read(lines("", GOOD, "", "", GOOD))) == 2
    assert "boxes.csv, line 5: the box is inverted" in error_of(lines("", GOOD, "", row(XMin="0.7")))
    assert "line 5: CSV conversion error" in error_of(lines("", GOOD, "", row(XMin="wide")))
    packed = gzip.compress(lines("", GOOD, "", row(XMin="0.7")).replace(b"\n", b"\r\n"))
    assert "boxes.csv.gz, line 5: the box is inverted" in error_of(packed, "boxes.csv.gz")
