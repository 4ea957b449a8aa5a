"""Pictures from files: any mode and orientation to (height, width, 3) RGB."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from objectcrop.boxes import Size

Picture = NDArray[np.uint8]

# OpenCV's reduced flags name grey; beside IMREAD_COLOR_RGB the same bits mean the reduction alone.
_REDUCED_RGB = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
}
_JPEG = b"\xff\xd8"
_PIL_FAILURES = (OSError, SyntaxError, ValueError, struct.error, EOFError, Image.DecompressionBombError)


def decode_image(path: str | Path, reduce: Literal[1, 2, 4] = 1) -> Picture:
    """Decode a picture as RGB, shape (height, width, 3), turned as its EXIF orientation says.

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB (16 bits keep their high byte, floats are taken as 0..1);
    alpha is dropped. `reduce` gives 1/2 or 1/4 of the sides, rounded up, decoded in the frequency domain for JPEG.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, if it is empty, cut off or no picture.
    """
    data = _read(path)
    if data.startswith(_JPEG):
        # None for a JPEG that is cut off or damaged: Pillow then says what is wrong, or copes.
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED_RGB[reduce])
        if decoded is not None:
            return np.asarray(decoded, dtype=np.uint8)
    return _decode_with_pil(path, reduce)


def check_image(path: str | Path) -> Size:
    """Decode a picture in full, strictly, and return its size after EXIF orientation.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, if it is empty, cut off or no picture.
    """
    _read(path, num_bytes=1)
    try:
        with _quiet(), Image.open(path) as image:
            _forget_xmp(image)
            size = _upright_size(image)
            # A JPEG drawn at 1/8 is still read to its end, in a third of the time.
            image.draft(None, (image.width // 8, image.height // 8))
            image.load()
            return size
    except _PIL_FAILURES as error:
        raise _unreadable(path, error) from error


def _read(path: str | Path, num_bytes: int = -1) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(num_bytes)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such picture") from None
    if not data:
        raise ValueError(f"{path}: the picture file is empty (0 bytes)")
    return data


def _decode_with_pil(path: str | Path, reduce: int) -> Picture:
    try:
        with _quiet(), Image.open(path) as image:
            _forget_xmp(image)
            upright = _to_rgb(ImageOps.exif_transpose(image))
    except _PIL_FAILURES as error:
        raise _unreadable(path, error) from error
    return np.array(upright.reduce(reduce) if reduce > 1 else upright, dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    # Pillow clips wide greys at 255 instead of scaling them.
    if image.mode == "F":
        return Image.fromarray((np.clip(np.asarray(image), 0, 1) * 255).astype(np.uint8)).convert("RGB")
    if image.mode.startswith("I"):
        wide = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray((wide >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _upright_size(image: Image.Image) -> Size:
    """Size as `ImageOps.exif_transpose` would make it: orientations 5 to 8 lie on their side."""
    turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return Size(image.height, image.width) if turned else Size(image.width, image.height)


def _forget_xmp(image: Image.Image) -> None:
    """Pillow falls back to an orientation in XMP; viewers and OpenCV do not, so a picture would have two sizes."""
    for key in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(key, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings.

    Large pictures are wanted here (beyond its hard limit, 179 million pixels, they are errors still), and damaged EXIF data
    means no orientation.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def _unreadable(path: str | Path, error: BaseException) -> ValueError:
    reason = "not a known picture format" if isinstance(error, UnidentifiedImageError) else str(error)
    return ValueError(f"{path}: cannot be decoded ({reason})")
