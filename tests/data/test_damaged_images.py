"""What is cut off, damaged, too large or no image is rejected by name."""

import io
import os
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from objectcrop.data import decoders
from objectcrop.data.decoders import decode_jpeg
from objectcrop.data.images import check_image, decode_image, read_size
from objectcrop.data.manifest import index_dataset, require_readable
from objectcrop.data.readers.registry import parse_dataset


@pytest.mark.parametrize("read", [decode_image, check_image])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_off_file_is_rejected_by_name(tmp_path, read, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=f"cut{suffix}: cannot be decoded"):
        read(path)


@pytest.mark.parametrize("read", [decode_image, check_image])
def test_what_is_no_image_is_rejected_by_name(tmp_path, read):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match=r"empty\.jpg: the image file is empty"):
        read(tmp_path / "empty.jpg")
    with pytest.raises(ValueError, match=r"page\.jpg: cannot be decoded \(not a known image format\)"):
        read(tmp_path / "page.jpg")
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        read(tmp_path / "gone.jpg")


def png(width: int, height: int) -> bytes:
    """A black 1-bit PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + -(-width // 8)) * height, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(path, width: int, height: int) -> bytes:
    """Return a JPEG whose header states more pixels than it holds."""
    Image.new("L", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def test_a_large_image_is_read_and_one_beyond_pillows_limit_rejected(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(12_000, 9_000))
    assert check_image(path).size == (12_000, 9_000)
    for data in (png(20_000, 10_000), jpeg(tmp_path / "b.jpg", 20_000, 10_000)):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"a\.png: cannot be decoded .*200000000 pixels.* exceeds limit"):
            check_image(path)


def test_a_jpeg_beyond_every_limit_is_one_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(tmp_path / "b.jpg", 60_000, 60_000))
    for read in (check_image, decode_image):
        with pytest.raises(ValueError, match=r"a\.jpg: cannot be decoded .* exceeds limit"):
            read(tmp_path / "a.jpg")


def bombs(folder) -> dict[str, bytes]:
    """Files of less than 100 kB that state 13000 x 13000 pixels."""
    return {"a.png": png(13_000, 13_000), "b.jpg": jpeg(folder / "seed.jpg", 13_000, 13_000)}


def test_a_bomb_is_left_out_by_the_setting_of_its_data_set_before_it_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    for name, data in bombs(tmp_path).items():
        (tmp_path / "images" / name).write_bytes(data)
        assert len(data) < 100_000
    Image.new("RGB", (30, 20)).save(tmp_path / "images/good.png")
    settings = {"source": "folder", "images": "images", "max_unreadable_share": 0.5}
    loaded = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: loaded.append(image.size) or load(image))
    indexed = index_dataset("mine", parse_dataset(settings), tmp_path)
    assert indexed.manifest["image_id"].tolist() == ["good.png"]
    assert (13_000, 13_000) not in loaded
    assert (30, 20) in loaded
    for reason in indexed.unreadable["reason"]:
        assert reason.startswith(
            "cannot be decoded (it states 13000 x 13000, 169.0 million pixels, more than max_megapixels 128 of its data set"
        )
    with pytest.raises(
        ValueError,
        match=r"data set mine: 2 of 3 images cannot be read.*a\.png: cannot be decoded \(it states 13000 x 13000",
    ):
        require_readable(indexed, name="mine", max_share=0.5)


def test_the_setting_lets_larger_or_only_smaller_images_pass(tmp_path):
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    settings = {"source": "folder", "images": ".", "max_unreadable_share": 1.0}
    for most, count in ((0.0099, 0), (0.01, 1)):
        indexed = index_dataset("mine", parse_dataset(settings | {"max_megapixels": most}), tmp_path)
        assert len(indexed.manifest) == count
    with pytest.raises(ValueError, match="less than or equal to 178"):
        parse_dataset(settings | {"max_megapixels": 1000})


@pytest.mark.parametrize("decoder", ["opencv", "pil"])
def test_no_decoder_is_given_a_jpeg_that_states_too_much(tmp_path, monkeypatch, decoder):
    called = []
    monkeypatch.setitem(decoders._DECODERS, decoder, lambda data, reduce: called.append(data))
    data = jpeg(tmp_path / "seed.jpg", 20_000, 10_000)
    padded = data[:2] + b"\xff" * 5 + data[2:]  # fill bytes may stand before a marker
    garbage = data[:2] + b"\x00" + data[2:]
    for content in (data, padded, garbage):
        assert decode_jpeg(content, decoder, 1) is None
    assert not called
    small = jpeg(tmp_path / "seed.jpg", 16, 8)
    decode_jpeg(small, decoder, 1)
    decode_jpeg(small[:2] + b"\xff" * 5 + small[2:], decoder, 1)
    assert len(called) == 2


@pytest.mark.parametrize("read", [decode_image, check_image, read_size])
def test_what_is_no_file_is_rejected_without_waiting_for_it(tmp_path, read):
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("folder.jpg", "pipe.jpg"):
        with pytest.raises(ValueError, match=rf"{name}: is a folder, a device or a pipe"):
            read(tmp_path / name)


def test_a_header_of_wrong_types_is_rejected_by_name(tmp_path, photograph):
    path = tmp_path / "a.tif"
    photograph.save(path)
    strip_offsets, rational = struct.pack("<HH", 273, 4), struct.pack("<HH", 273, 5)
    data = path.read_bytes()
    assert data.count(strip_offsets) == 1
    path.write_bytes(data.replace(strip_offsets, rational))  # Pillow then seeks to a fraction: a TypeError of its own
    with pytest.raises(ValueError, match=r"a\.tif: cannot be decoded"):
        check_image(path)


def seeds() -> list[bytes]:
    """Small files of many formats and modes, on their side by EXIF where the format can say so."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 31, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    forms = [
        ("JPEG", "RGB", {"exif": exif}),
        ("JPEG", "L", {"progressive": True, "exif": exif}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGBA", {"exif": exif}),
        ("PNG", "P", {}),
        ("GIF", "P", {}),
        ("WEBP", "RGB", {"exif": exif}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("BMP", "RGB", {}),
    ]
    contents = []
    for form, mode, options in forms:
        file = io.BytesIO()
        noise.convert(mode).save(file, form, **options)
        contents.append(file.getvalue())
    return contents


SEEDS = seeds()


@settings(max_examples=150, deadline=None)
@given(
    data=st.sampled_from(SEEDS),
    changes=st.lists(
        st.tuples(st.integers(0, 199) | st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
def test_damage_is_rejected_by_name_or_the_image_has_one_size(data, changes):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.jpg"
        path.write_bytes(damaged)
        try:
            size = check_image(path).size
        except ValueError as error:
            assert "damaged.jpg: " in str(error)  # noqa: PT017 (most cases raise nothing)
            return
        if size.width * size.height < 1e6:
            assert decode_image(path).shape == (size.height, size.width, 3)
