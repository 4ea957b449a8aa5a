"""Decoding: every mode, orientation and kind of damage."""

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.images import check_image, decode_image


@pytest.fixture
def photograph() -> Image.Image:
    """Smooth colours without symmetry, 60 x 40, so that JPEG keeps them and each orientation looks different."""
    y, x = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([x * 4, y * 6, 255 - x * 2 - y * 2], axis=2).astype(np.uint8))


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
    # What the viewer must see, by the words of the EXIF standard: where row 0 and column 0 of the file are shown.
    pixels = np.asarray(photograph)
    shown = {
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
    assert mean_difference(decoded, shown) < 3
    assert check_image(path) == (shown.shape[1], shown.shape[0])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb_with_the_colours_it_stands_for(tmp_path, photograph, mode):
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
    assert decode_image(tmp_path / "a.jpg", reduce=2).shape == (20, 30, 3)


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    wide = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (decode_image(tmp_path / "a.png") == (wide >> 8)[..., None]).all()


def test_floats_are_taken_as_zero_to_one(tmp_path):
    Image.fromarray(np.array([[0.0, 0.5, 1.0, 7.0]], dtype=np.float32)).save(tmp_path / "a.tif")
    assert decode_image(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 127, 255, 255]


def test_a_palette_with_transparency_keeps_its_colours(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(tmp_path / "a.png", transparency=b"\xff\x80")
    assert decode_image(tmp_path / "a.png")[0, 0].tolist() == [10, 200, 30]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("reduce", [1, 2, 4])
def test_reduced_sides_are_rounded_up(tmp_path, photograph, suffix, reduce):
    photograph.crop((0, 0, 33, 17)).save(tmp_path / f"a{suffix}")
    assert decode_image(tmp_path / f"a{suffix}", reduce=reduce).shape == (-(-17 // reduce), -(-33 // reduce), 3)


def test_a_reduced_jpeg_shows_the_same_in_the_same_colours(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg", quality=95)
    assert mean_difference(decode_image(tmp_path / "a.jpg", reduce=4), photograph.reduce(4)) < 4


def test_an_orientation_in_xmp_is_no_orientation(tmp_path, photograph):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    photograph.save(tmp_path / "a.jpg", xmp=xmp)
    assert check_image(tmp_path / "a.jpg") == (60, 40)
    assert decode_image(tmp_path / "a.jpg").shape == (40, 60, 3)


def test_damaged_exif_is_no_orientation(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03\0\0")
    assert check_image(tmp_path / "a.jpg") == (60, 40)
    assert decode_image(tmp_path / "a.jpg").shape == (40, 60, 3)


def test_one_pixel_is_a_picture(tmp_path):
    Image.new("RGB", (1, 1), (9, 9, 9)).save(tmp_path / "a.png")
    assert decode_image(tmp_path / "a.png").shape == (1, 1, 3)
    assert check_image(tmp_path / "a.png") == (1, 1)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path, photograph):
    photograph.save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"\0" * 100 + b"trailer")
    assert decode_image(tmp_path / "a.jpg").shape == (40, 60, 3)


@pytest.mark.parametrize("read", [decode_image, check_image])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_cut_off_file_is_refused_by_name(tmp_path, read, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=f"cut{suffix}: cannot be decoded"):
        read(path)


@pytest.mark.parametrize("read", [decode_image, check_image])
def test_what_is_no_picture_is_refused_by_name(tmp_path, read):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    with pytest.raises(ValueError, match=r"empty\.jpg: the picture file is empty"):
        read(tmp_path / "empty.jpg")
    with pytest.raises(ValueError, match=r"page\.jpg: cannot be decoded \(not a known picture format\)"):
        read(tmp_path / "page.jpg")
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        read(tmp_path / "gone.jpg")
