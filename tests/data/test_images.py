"""Decoding: every mode, orientation and format."""

import hashlib
import sys

import cv2
import numpy as np
import pytest
from PIL import Image, features

from objectcrop.data import images
from objectcrop.data.digests import file_digest
from objectcrop.data.images import check_image, decode_image, decode_indices, read_size


def mean_difference(first: np.ndarray, second) -> float:
    return float(np.abs(first.astype(int) - np.asarray(second).astype(int)).mean())


def test_a_jpeg_is_rgb_of_height_and_width(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg", quality=95)
    decoded = decode_image(tmp_path / "a.jpg")
    assert decoded.shape == (40, 60, 3)
    assert decoded.dtype == np.uint8
    assert mean_difference(decoded, photograph) < 3


def test_red_is_the_first_channel(tmp_path):
    for name in ["red.jpg", "red.png"]:
        Image.new("RGB", (8, 8), (250, 10, 20)).save(tmp_path / name)
        assert np.abs(decode_image(tmp_path / name)[4, 4].astype(int) - [250, 10, 20]).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_exif_orientation_is_applied(tmp_path, photograph, orientation, suffix):
    # Where row 0 and column 0 of the file must appear, by the words of the EXIF standard.
    pixels = np.asarray(photograph)
    expected = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, k=3),
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(pixels, k=1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    photograph.save(path, exif=exif, **({"quality": 98} if suffix == ".jpg" else {}))
    decoded = decode_image(path)
    assert mean_difference(decoded, expected) < 3
    assert check_image(path).size == (expected.shape[1], expected.shape[0])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb_with_the_colours_it_stands_for(tmp_path, photograph, mode):
    if mode == "YCbCr" and int(features.version("pil").split(".")[0]) < 13:
        pytest.skip("Pillow before 13 cannot read the YCbCr TIFF that it writes")
    # Pillow converts nothing to LAB by itself; a mid grey is (128, 128, 128) there.
    image = Image.new("LAB", (60, 40), (128, 128, 128)) if mode == "LAB" else photograph.convert(mode)
    path = tmp_path / f"a.{'tif' if mode in ('CMYK', 'YCbCr', 'LAB') else 'png'}"
    image.save(path)
    decoded = decode_image(path)
    assert decoded.shape == (40, 60, 3)
    if mode in ("RGBA", "CMYK", "YCbCr"):
        assert mean_difference(decoded, photograph) < 6
    if mode in ("L", "LA"):
        assert mean_difference(decoded[..., 0], photograph.convert("L")) < 1
    if mode == "LAB":
        assert np.ptp(decoded[0, 0].astype(int)) < 6


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_of_any_mode_is_decoded_as_pillow_would(tmp_path, photograph, mode):
    photograph.convert(mode).save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB"))
    assert np.abs(decode_image(tmp_path / "a.jpg").astype(int) - expected).max() <= 2


ADOBE_TRANSFORM = 11  # bytes from the name in the Adobe marker to its colour transform: 0 is CMYK, 2 YCCK


def adobe_jpeg(path, *, transform: int) -> None:
    """A one-colour CMYK JPEG as Adobe's programs write it: inverted, which its marker does not say."""
    Image.new("CMYK", (16, 16), (200, 100, 50, 20)).save(path, quality=100)
    data = bytearray(path.read_bytes())
    data[data.index(b"Adobe") + ADOBE_TRANSFORM] = transform
    path.write_bytes(data)


def test_an_inverted_cmyk_jpeg_has_the_colours_that_its_inks_mix(tmp_path):
    adobe_jpeg(tmp_path / "a.jpg", transform=0)
    expected = [(255 - ink) * (255 - 20) / 255 for ink in (200, 100, 50)]
    assert decode_image(tmp_path / "a.jpg")[8, 8].tolist() == pytest.approx(expected, abs=3)
    assert check_image(tmp_path / "a.jpg").mode == "CMYK"


def test_a_ycck_jpeg_is_converted_to_cmyk_first(tmp_path):
    adobe_jpeg(tmp_path / "a.jpg", transform=2)
    # what was stored as inverted inks now stands for Y, Cb and Cr; of the inks that they give, Adobe's are the inverse
    luma = np.array([[[255 - ink for ink in (200, 100, 50)]]], dtype=np.uint8)
    red_green_blue = np.asarray(Image.fromarray(luma, "YCbCr").convert("RGB"))[0, 0].astype(float)
    expected = (255 - red_green_blue) * (255 - 20) / 255
    assert decode_image(tmp_path / "a.jpg")[8, 8] == pytest.approx(expected, abs=3)


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    wide = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for name in ("a.png", "a.tif"):
        Image.fromarray(wide).save(tmp_path / name)
        assert (decode_image(tmp_path / name) == (wide >> 8)[..., None]).all()


def test_a_colour_image_of_sixteen_bits_keeps_the_high_bytes(tmp_path):
    assert cv2.imwrite(str(tmp_path / "a.png"), np.full((3, 4, 3), (0x0102, 0x8003, 0xFF04), np.uint16))
    assert decode_image(tmp_path / "a.png")[0, 0].tolist() == [0xFF, 0x80, 0x01]
    assert check_image(tmp_path / "a.png").size == (4, 3)


@pytest.mark.parametrize(("form", "suffix"), [("PNG", ".jpg"), ("JPEG", ".png"), ("WEBP", ".jpeg"), ("GIF", ".jpg")])
def test_the_content_says_what_an_image_is_and_not_its_extension(tmp_path, photograph, form, suffix):
    path = tmp_path / f"a{suffix}"
    photograph.save(path, form)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(decode_image(path) - expected).max() <= 2
    assert check_image(path).size == (60, 40)


def test_floats_are_taken_as_zero_to_one(tmp_path):
    Image.fromarray(np.array([[0.0, 0.5, 1.0, 7.0]], dtype=np.float32)).save(tmp_path / "a.tif")
    assert decode_image(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 127, 255, 255]


def test_a_palette_with_transparency_keeps_its_colours(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(tmp_path / "a.png", transparency=b"\xff\x80")
    assert decode_image(tmp_path / "a.png")[0, 0].tolist() == [10, 200, 30]


def test_an_orientation_in_xmp_is_no_orientation(tmp_path, photograph):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    photograph.save(tmp_path / "a.jpg", xmp=xmp)
    assert check_image(tmp_path / "a.jpg").size == (60, 40)
    assert decode_image(tmp_path / "a.jpg").shape == (40, 60, 3)


def test_damaged_exif_is_no_orientation(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03\0\0")
    assert check_image(tmp_path / "a.jpg").size == (60, 40)
    assert decode_image(tmp_path / "a.jpg").shape == (40, 60, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".tif"])
@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 7)])
def test_one_pixel_and_narrow_images_are_images(tmp_path, suffix, size):
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", size, (9, 9, 9)).save(path)
    assert decode_image(path).shape == (size[1], size[0], 3)
    assert check_image(path).size == read_size(path) == size


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"\0" * 100 + b"trailer")
    assert decode_image(tmp_path / "a.jpg").shape == (40, 60, 3)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_of_an_animation_the_first_frame_is_the_image(tmp_path, suffix):
    frames = [Image.new("RGB", (20, 10), colour) for colour in ((250, 0, 0), (0, 0, 250), (0, 250, 0))]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    assert check_image(tmp_path / f"a{suffix}").size == (20, 10)
    assert np.abs(decode_image(tmp_path / f"a{suffix}")[5, 5].astype(int) - [250, 0, 0]).max() < 6


def test_the_header_gives_the_size_of_an_image_that_is_cut_off(tmp_path, photograph):
    exif = Image.Exif()
    exif[0x0112] = 8
    photograph.save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-200])
    assert read_size(tmp_path / "a.jpg") == (40, 60)


def test_a_mask_keeps_its_indices(tmp_path):
    indices = np.arange(256, dtype=np.uint8).reshape(8, 32)
    Image.fromarray(indices).save(tmp_path / "a.png")
    assert (decode_indices(tmp_path / "a.png") == indices).all()
    Image.fromarray(indices).convert("P").save(tmp_path / "p.png")
    with pytest.raises(ValueError, match=r"p\.png: .*its mode is P"):
        decode_indices(tmp_path / "p.png")


@pytest.fixture
def opened():
    """The files that were opened since, by whatever function."""
    noted, is_on = [], [True]
    sys.addaudithook(lambda event, values: noted.append(str(values[0])) if is_on and event == "open" else None)
    yield noted
    is_on.clear()  # a hook stays for good


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_file_is_opened_once_and_its_size_time_and_digest_are_kept(tmp_path, photograph, opened, name):
    path = tmp_path / name
    photograph.save(path)
    opened.clear()
    properties = check_image(path)
    assert opened.count(str(path)) == 1
    assert properties.digest == hashlib.sha256(path.read_bytes()).hexdigest()[:16] == file_digest(str(path))
    assert (properties.num_bytes, properties.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


def test_a_large_file_without_an_images_header_is_not_read_into_memory(tmp_path, monkeypatch):
    (tmp_path / "film.jpg").write_bytes(b"no image" * 1000)
    monkeypatch.setattr(images, "_LARGE_BYTES", 7999)
    read, asked = images._read, []
    monkeypatch.setattr(images, "_read", lambda path, num_bytes=-1: asked.append(num_bytes) or read(path, num_bytes))
    with pytest.raises(ValueError, match=r"film\.jpg: cannot be decoded \(not a known image format\)"):
        check_image(tmp_path / "film.jpg")
    assert asked == [1]
