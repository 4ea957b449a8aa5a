"""Decoders of JPEG bytes behind one interface: chosen once, never changed on the way."""

import os
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import version
from io import BytesIO
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

ImageArray = NDArray[np.uint8]
Reduce = Literal[1, 2, 4]
Decoder = Literal["nvimgcodec", "torchcodec", "pil", "opencv"]
"""A decoder that was resolved."""

AUTO: Decoder = "opencv"
_MODULES = {"nvimgcodec": "nvidia.nvimgcodec", "torchcodec": "torchcodec.decoders"}
_PACKAGES = {
    "nvimgcodec": "nvidia-nvimgcodec-cu13",
    "torchcodec": "torchcodec",
    "pil": "pillow",
    "opencv": "opencv-python-headless",
}

# Damaged headers fail in many ways; Pillow raised the last three on files with changed bytes.
PIL_FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    EOFError,
    Image.DecompressionBombError,
    TypeError,
    LookupError,
    ArithmeticError,
)

# OpenCV's reduced flags name grey; beside IMREAD_COLOR_RGB the same bits mean the reduction alone. It does not rotate the
# image: in damaged EXIF data it finds orientations that Pillow does not, and an image must have one size everywhere.
_RGB = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_REDUCED_RGB = {1: _RGB, 2: _RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: _RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4}

_APP1, _APP12, _START_OF_SCAN = 0xE1, 0xEC, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segment that states height and width (ITU T.81, table B.1)."""
MAX_PIXELS = int(Image.MAX_IMAGE_PIXELS or 0) * 2
"""Beyond it Pillow decodes nothing (178,956,970 pixels), and so no other decoder does."""


def resolve_decoder(name: Literal["auto"] | Decoder) -> Decoder:
    """Return the decoder that a setting means, loaded.

    Raises:
        ValueError: if it is not installed, or does not load, naming the package.
    """
    decoder = AUTO if name == "auto" else name
    if decoder in _MODULES:
        try:
            import_module(_MODULES[decoder])
        except (ImportError, OSError, RuntimeError) as error:
            raise ValueError(
                f"views.decoder: {decoder} needs the package {_PACKAGES[decoder]}, which is not installed or does not load here "
                f"({type(error).__name__}); install it, or choose auto, opencv or pil"
            ) from error
    return decoder


def describe_decoder(decoder: Decoder) -> str:
    """Return the decoder and version of its package, for summaries."""
    # the contrib build bears another name and the same version
    return f"opencv {cv2.__version__}" if decoder == "opencv" else f"{decoder} {version(_PACKAGES[decoder])}"


def decode_jpeg(data: bytes, decoder: Decoder, reduce: Reduce) -> ImageArray | None:
    """Return a JPEG's pixels as stored (not rotated), RGB, shape (height, width, 3), at 1/`reduce` of its sides, rounded up.

    OpenCV and Pillow reduce in the frequency domain, the others average afterwards.

    Returns:
        None for a JPEG that the decoder rejects (cut off, damaged or beyond its limit), and one that states no size at the place
        where it must, or more than MAX_PIXELS.
    """
    return _DECODERS[decoder](data, reduce) if 0 < _stated_pixels(data) <= MAX_PIXELS else None


def _stated_pixels(data: bytes) -> int:
    """Return the pixels that a JPEG's header states, 0 if there is no header, or something else between its segments."""
    for place in _segments(data):
        if data[place + 1] in _FRAMES:
            height, width = (int.from_bytes(data[start : start + 2]) for start in (place + 5, place + 7))
            return height * width
    return 0


def _segments(data: bytes | bytearray) -> Iterator[int]:
    """Yield where each segment before the pixels begins: 0xff, marker, length (2 bytes, itself counted)."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != _START_OF_SCAN:
        if data[place + 1] == 0xFF:  # any number of these may stand before a marker
            place += 1
            continue
        yield place
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")


def _with_opencv(data: bytes, reduce: Reduce) -> ImageArray | None:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED_RGB[reduce])
    except cv2.error:
        return None
    return None if decoded is None else np.asarray(decoded, dtype=np.uint8)


def _with_pil(data: bytes, reduce: Reduce) -> ImageArray | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data)) as image:
                is_drafted = reduce > 1 and min(image.size) >= reduce
                if is_drafted:
                    # asked for the side rounded down, Pillow gives it rounded up; asked for that, it would not reduce
                    image.draft("RGB", (image.width // reduce, image.height // reduce))
                # `convert` would copy what is RGB already
                pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
    except PIL_FAILURES:
        return None
    return pixels if is_drafted else _averaged(pixels, reduce)


def _with_torchcodec(data: bytes, reduce: Reduce) -> ImageArray | None:
    try:
        planes = import_module(_MODULES["torchcodec"]).decode_jpeg(_without_exif(data))
    except (RuntimeError, ValueError):
        return None
    return _averaged(np.ascontiguousarray(planes.permute(1, 2, 0).numpy()), reduce)


def _without_exif(data: bytes) -> bytes:
    """Return the JPEG with its EXIF segments renamed: torchcodec rotates images and has no switch for it."""
    jpeg = bytearray(data)
    for place in _segments(data):
        if jpeg[place + 1] == _APP1:
            jpeg[place + 1] = _APP12
    return bytes(jpeg)


def _with_nvimgcodec(data: bytes, reduce: Reduce) -> ImageArray | None:
    codec = import_module(_MODULES["nvimgcodec"])
    params = codec.DecodeParams(apply_exif_orientation=False, color_spec=codec.ColorSpec.SRGB)
    image = _nvimgcodec_of(os.getpid(), threading.get_ident()).decode(data, params=params)
    return None if image is None else _averaged(np.array(image, dtype=np.uint8), reduce)


@cache
def _nvimgcodec_of(process: int, thread: int) -> Any:
    """Return the decoder of this process: its threads do not survive a fork."""
    codec = import_module(_MODULES["nvimgcodec"])
    return codec.Decoder(
        device_id=codec.NVIMGCODEC_DEVICE_CPU_ONLY,
        max_num_cpu_threads=1,
        backends=[codec.Backend(codec.BackendKind.CPU_ONLY)],
        # as libjpeg does by default; without it colours differ along edges
        options=":fancy_upsampling=1",
    )


def _averaged(pixels: ImageArray, reduce: Reduce) -> ImageArray:
    return np.array(Image.fromarray(pixels).reduce(reduce)) if reduce > 1 else pixels


_DECODERS: dict[Decoder, Callable[[bytes, Reduce], ImageArray | None]] = {
    "opencv": _with_opencv,
    "pil": _with_pil,
    "torchcodec": _with_torchcodec,
    "nvimgcodec": _with_nvimgcodec,
}
