"""Decoders of JPEG bytes behind one interface: chosen once, never changed on the way."""

import os
import struct
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectcrop.boxes import PixelBox

ImageArray = NDArray[np.uint8]
Decoder = Literal["nvimgcodec", "torchcodec", "pil", "opencv"]
"""A decoder that was resolved."""

AUTO: Decoder = "opencv"
"""Of whole images. Of regions `nvimgcodec` is the fastest, and gives the same pixels: it is taken where it is installed."""
_MODULES = {"nvimgcodec": "nvidia.nvimgcodec", "torchcodec": "torchcodec.decoders"}
_EXTENSIONS = "NVIMGCODEC_EXTENSIONS_PATH"
_LIBRARIES = {"torchcodec": "torchcodec", "pil": "PIL", "opencv": "cv2"}
_PACKAGES = {"nvimgcodec": "nvidia-nvimgcodec-cu13", "torchcodec": "torchcodec"}

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

# OpenCV does not rotate the image: in damaged EXIF data it finds orientations that Pillow does not, and an image must have one
# size everywhere.
_RGB = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION

APP1, _APP12, _START_OF_SCAN = 0xE1, 0xEC, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segment that states height and width (ITU T.81, table B.1)."""
MAX_PIXELS = int(Image.MAX_IMAGE_PIXELS or 0) * 2
"""Beyond it Pillow decodes nothing (178,956,970 pixels), and so no other decoder does."""


def resolve_decoder(name: Literal["auto"] | Decoder) -> Decoder:
    """Return the decoder that a setting means, loaded.

    Raises:
        ValueError: if it is not installed, or does not load, naming the package.
    """
    if name == "auto":
        return "nvimgcodec" if _loads("nvimgcodec") else AUTO
    decoder = name
    if decoder in _MODULES:
        try:
            _load(decoder)
        except (ImportError, OSError, RuntimeError) as error:
            raise ValueError(
                f"views.decoder: {decoder} needs the package {_PACKAGES[decoder]}, which is not installed or does not load here "
                f"({type(error).__name__}); install it, or choose auto, opencv or pil"
            ) from error
    return decoder


def _loads(decoder: Decoder) -> bool:
    try:
        _load(decoder)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def _load(decoder: Decoder) -> Any:
    """Import the module of a decoder; nvImageCodec looks for libraries of a GPU, and prints that they are not there."""
    if decoder != "nvimgcodec" or _MODULES[decoder] in sys.modules:
        return import_module(_MODULES[decoder])
    package = find_spec(_MODULES[decoder])
    if package is None or not package.submodule_search_locations:
        raise ImportError(f"{_MODULES[decoder]} is not installed")
    before = os.environ.get(_EXTENSIONS)
    with TemporaryDirectory() as folder:
        for library in Path(package.submodule_search_locations[0]).glob("extensions/libjpeg_turbo_ext*"):
            (Path(folder) / library.name).symlink_to(library)
        os.environ[_EXTENSIONS] = folder
        try:
            return import_module(_MODULES[decoder])
        finally:
            os.environ.pop(_EXTENSIONS) if before is None else os.environ.update({_EXTENSIONS: before})


def describe_decoder(decoder: Decoder) -> str:
    """Return the decoder and version of its library, for summaries."""
    library = _load(decoder) if decoder == "nvimgcodec" else import_module(_LIBRARIES[decoder])
    return f"{decoder} {library.__version__}"


def decode_jpeg(data: bytes, decoder: Decoder, region: PixelBox | None = None) -> ImageArray | None:
    """Return a JPEG's pixels as stored (not rotated), RGB, shape (height, width, 3); of a region inside it, or all.

    nvImageCodec, OpenCV and Pillow give equal pixels, torchcodec's are near them; a region has those of the whole image.
    nvImageCodec decodes no more rows than a region needs.

    Returns:
        None for a JPEG that the decoder rejects (cut off, damaged or beyond its limit), for one of other than one or three
        components (inks: decoders differ in what colours they are), and one that states no size at the place where it must, or
        more than MAX_PIXELS.
    """
    num_pixels, num_components = _stated(data)
    if not 0 < num_pixels <= MAX_PIXELS or num_components not in (1, 3):
        return None
    return _DECODERS[decoder](data, region)


def _stated(data: bytes) -> tuple[int, int]:
    """Return the pixels and components that a JPEG's header states; 0 without one, or with something else between its segments."""
    for place in segments(data):
        if data[place + 1] in _FRAMES:
            height, width = (int.from_bytes(data[start : start + 2]) for start in (place + 5, place + 7))
            return height * width, int.from_bytes(data[place + 9 : place + 10])
    return 0, 0


def segments(data: bytes | bytearray) -> Iterator[int]:
    """Yield where each segment of a JPEG before its pixels begins: 0xff, marker, length (2 bytes, itself counted)."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != _START_OF_SCAN:
        if data[place + 1] == 0xFF:  # any number of these may stand before a marker
            place += 1
            continue
        yield place
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")


def _with_opencv(data: bytes, region: PixelBox | None) -> ImageArray | None:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _RGB)
    except cv2.error:
        return None
    return None if decoded is None else cut(np.asarray(decoded, dtype=np.uint8), region)


def _with_pil(data: bytes, region: PixelBox | None) -> ImageArray | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data)) as image:
                # `convert` would copy what is RGB already
                pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
    except PIL_FAILURES:
        return None
    return cut(pixels, region)


def _with_torchcodec(data: bytes, region: PixelBox | None) -> ImageArray | None:
    try:
        planes = import_module(_MODULES["torchcodec"]).decode_jpeg(_without_exif(data))
    except (RuntimeError, ValueError):
        return None
    return cut(np.ascontiguousarray(planes.permute(1, 2, 0).numpy()), region)


def _without_exif(data: bytes) -> bytes:
    """Return the JPEG with its EXIF segments renamed: torchcodec rotates images and has no switch for it."""
    jpeg = bytearray(data)
    for place in segments(data):
        if jpeg[place + 1] == APP1:
            jpeg[place + 1] = _APP12
    return bytes(jpeg)


def _with_nvimgcodec(data: bytes, region: PixelBox | None) -> ImageArray | None:
    codec = _load("nvimgcodec")
    params = codec.DecodeParams(apply_exif_orientation=False, color_spec=codec.ColorSpec.SRGB)
    source: Any = data
    if region is not None:
        left, top, right, bottom = region
        part = codec.Region(start=[top, left], end=[bottom, right])
        source = codec.CodeStream(data).get_sub_code_stream(region=part)
    image = _nvimgcodec_of(os.getpid(), threading.get_ident()).decode(source, params=params)
    return None if image is None else np.asarray(image, dtype=np.uint8)


@cache
def _nvimgcodec_of(process: int, thread: int) -> Any:
    """Return the decoder of this process: its threads do not survive a fork."""
    codec = _load("nvimgcodec")
    return codec.Decoder(
        device_id=codec.NVIMGCODEC_DEVICE_CPU_ONLY,
        max_num_cpu_threads=1,
        backends=[codec.Backend(codec.BackendKind.CPU_ONLY)],
        # as libjpeg does by default; without it colours differ along edges
        options=":fancy_upsampling=1",
    )


def cut(pixels: ImageArray, region: PixelBox | None) -> ImageArray:
    """Return a region of an image, on its memory; all of it for None."""
    if region is None:
        return pixels
    left, top, right, bottom = region
    return pixels[top:bottom, left:right]


_DECODERS: dict[Decoder, Callable[[bytes, PixelBox | None], ImageArray | None]] = {
    "opencv": _with_opencv,
    "pil": _with_pil,
    "torchcodec": _with_torchcodec,
    "nvimgcodec": _with_nvimgcodec,
}
