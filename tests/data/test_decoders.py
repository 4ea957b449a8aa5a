"""Decoders: equal pixels from each that is installed, and one sentence about one that is not."""

import subprocess
import sys
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from objectcrop.data import decoders
from objectcrop.data.decoders import decode_jpeg, describe_decoder, resolve_decoder
from objectcrop.data.images import decode_image

NAMES = ("opencv", "pil", "torchcodec", "nvimgcodec")


def is_installed(name):
    try:
        return bool(resolve_decoder(name))
    except ValueError:
        return False


INSTALLED = [name for name in NAMES if is_installed(name)]


@pytest.fixture(params=INSTALLED)
def decoder(request):
    """Each decoder of the setting that is here; the lock holds OpenCV and Pillow."""
    return request.param


def test_every_decoder_of_the_setting_is_tried():
    assert {"opencv", "pil"} <= set(INSTALLED)
    if missing := set(NAMES) - set(INSTALLED):
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")


def sample_image(height, width, seed=0):
    """Smooth colours with sharp edges across."""
    rng = np.random.default_rng(seed)
    pixels = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 2)
    pixels = cv2.normalize(pixels, None, 0, 255, cv2.NORM_MINMAX)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (200, 30, 60)
    return Image.fromarray(pixels)


def jpeg(image, **options):
    file = BytesIO()
    image.save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def psnr_db(decoded, expected):
    error = ((decoded.astype(float) - expected) ** 2).mean()
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"quality": 60}]
)
@pytest.mark.parametrize("size", [(96, 128), (101, 77), (480, 640)])
def test_decoders_agree(decoder, size, options):
    data = jpeg(sample_image(*size), **options)
    decoded = decode_jpeg(data, decoder)
    assert (decoded.shape, decoded.dtype) == ((*size, 3), np.uint8)
    assert psnr_db(decoded, np.array(Image.open(BytesIO(data)))) >= 60


def test_grey_jpegs_get_three_equal_channels(decoder):
    data = jpeg(sample_image(60, 80).convert("L"))
    decoded = decode_jpeg(data, decoder)
    assert psnr_db(decoded, np.array(Image.open(BytesIO(data)).convert("RGB"))) >= 60


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"restart_marker_blocks": 3}]
)
@pytest.mark.parametrize(
    "region", [(0, 0, 128, 96), (5, 7, 6, 8), (31, 33, 100, 90), (0, 64, 128, 65), (127, 0, 128, 96)]
)
def test_a_region_has_the_pixels_of_the_whole_image(decoder, region, options):
    data = jpeg(sample_image(96, 128), **options)
    left, top, right, bottom = region
    assert (decode_jpeg(data, decoder, region) == decode_jpeg(data, decoder)[top:bottom, left:right]).all()


def test_decoders_of_auto_give_the_same_pixels(decoder):
    """Results do not depend on which of them is installed."""
    for number, options in enumerate(
        [{}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 30}, {"progressive": True}]
    ):
        data = jpeg(sample_image(97, 131, number), **options)
        assert decoder == "torchcodec" or (decode_jpeg(data, decoder) == decode_jpeg(data, "opencv")).all()


def test_inks_are_left_to_pillow(decoder, tmp_path):
    image = sample_image(40, 60).convert("CMYK")
    assert decode_jpeg(jpeg(image), decoder) is None
    (tmp_path / "inks.jpg").write_bytes(jpeg(image))
    expected = np.array(Image.open(BytesIO(jpeg(image))).convert("RGB"))
    assert (decode_image(tmp_path / "inks.jpg", decoder) == expected).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_region_is_of_the_upright_image(decoder, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(sample_image(48, 64), exif=exif))
    whole = decode_image(path, decoder)
    assert (decode_image(path, decoder, (3, 10, 40, 44)) == whole[10:44, 3:40]).all()


def test_a_region_of_other_formats_is_cut(tmp_path):
    sample_image(30, 40).save(tmp_path / "p.png")
    assert (
        decode_image(tmp_path / "p.png", "opencv", (4, 5, 20, 9)) == np.array(sample_image(30, 40))[5:9, 4:20]
    ).all()


def test_a_jpeg_is_not_rotated_by_its_decoder_and_once_by_the_reader(decoder, tmp_path):
    image = sample_image(40, 60)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "rotated.jpg").write_bytes(jpeg(image, exif=exif))
    stored = np.array(Image.open(BytesIO(jpeg(image))))
    assert psnr_db(decode_jpeg((tmp_path / "rotated.jpg").read_bytes(), decoder), stored) >= 60
    decoded = decode_image(tmp_path / "rotated.jpg", decoder=decoder)
    assert psnr_db(decoded, np.rot90(stored, -1)) >= 60


def test_a_damaged_jpeg_is_rejected_or_decoded_but_never_another_error(decoder, tmp_path):
    data = jpeg(sample_image(60, 80))
    rng = np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(data)
        for place in rng.integers(2, len(data), size=6):
            damaged[place] = rng.integers(256)
        decoded = decode_jpeg(bytes(damaged[: rng.integers(20, len(data))] if number % 2 else damaged), decoder)
        assert decoded is None or decoded.shape[2] == 3
    (tmp_path / "cut.jpg").write_bytes(data[:40])
    with pytest.raises(ValueError, match=r"cut\.jpg"):
        decode_image(tmp_path / "cut.jpg", decoder=decoder)


def test_other_formats_do_not_depend_on_the_decoder(decoder, tmp_path):
    sample_image(30, 40).save(tmp_path / "p.png")
    assert (decode_image(tmp_path / "p.png", decoder=decoder) == np.array(sample_image(30, 40))).all()


@pytest.mark.parametrize(("name", "package"), [("torchcodec", "torchcodec"), ("nvimgcodec", "nvidia-nvimgcodec-cu13")])
def test_a_decoder_that_is_not_there_stops_with_one_sentence(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, decoders._MODULES[name], None)
    with pytest.raises(ValueError, match=f"{name} needs the package {package}") as caught:
        resolve_decoder(name)
    assert "\n" not in str(caught.value)


def test_auto_is_the_fastest_that_is_installed_and_says_its_version(monkeypatch):
    assert resolve_decoder("auto") == ("nvimgcodec" if "nvimgcodec" in INSTALLED else "opencv")
    monkeypatch.setitem(sys.modules, decoders._MODULES["nvimgcodec"], None)
    assert resolve_decoder("auto") == "opencv"
    assert describe_decoder("opencv") == f"opencv {cv2.__version__}"
    assert describe_decoder("pil").startswith("pil ")


@pytest.mark.skipif("nvimgcodec" not in INSTALLED, reason="nvimgcodec is not installed")
def test_loading_says_nothing_about_libraries_of_a_gpu():
    program = (
        "from objectcrop.data.decoders import decode_jpeg, resolve_decoder; import sys; resolve_decoder('nvimgcodec');"
    )
    program += "print(decode_jpeg(sys.stdin.buffer.read(), 'nvimgcodec').shape)"
    done = subprocess.run(
        [sys.executable, "-c", program], input=jpeg(sample_image(30, 40)), capture_output=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == (b"(30, 40, 3)", b"")
