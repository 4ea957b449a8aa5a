"""Images from files: any mode and orientation to (height, width, 3) RGB."""

import os
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from objectcrop.boxes import PixelBox, Size
from objectcrop.data.decoders import APP1, AUTO, MAX_PIXELS, PIL_FAILURES, Decoder, cut, decode_jpeg, segments
from objectcrop.data.digests import bytes_digest

ImageArray = NDArray[np.uint8]

_UPRIGHT: dict[int, Callable[[ImageArray], ImageArray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}
_JPEG = b"\xff\xd8"
_EXIF = b"Exif\0\0"
_LARGE_BYTES = 64 << 20
"""A larger file must have the header of an image before all of it is read into memory: it may be a film with a wrong name."""


class Decoded(NamedTuple):
    """What a file shows.

    Attributes:
        pixels: RGB, shape (height, width, 3).
        is_rejected: whether it is a JPEG that another decoder than Pillow rejected, so that Pillow decoded it.
    """

    pixels: ImageArray
    is_rejected: bool


def decode_image(path: str | Path, decoder: Decoder = AUTO, region: PixelBox | None = None) -> ImageArray:
    """Return the pixels of `decode_or_reject`."""
    return decode_or_reject(path, decoder, region).pixels


def decode_or_reject(path: str | Path, decoder: Decoder = AUTO, region: PixelBox | None = None) -> Decoded:
    """Decode an image as RGB, shape (height, width, 3), rotated as its EXIF orientation says.

    Grey, palette, CMYK and 16-bit images become 8-bit RGB (16 bits keep their high byte, floats are taken as 0..1);
    alpha is dropped. `decoder` is for JPEGs; those that it rejects (cut off, damaged, beyond its limit, of four inks) are
    Pillow's, which says what is wrong, or copes, and so are other formats. With a `region`, of the rotated image, only that part
    is returned, with the same pixels.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, if it is empty, cut off or no image.
    """
    data = _read(path)
    if data.startswith(_JPEG):
        orientation = _jpeg_orientation(path, data)
        is_upright = orientation == 1
        decoded = decode_jpeg(data, decoder, region if is_upright else None)
        if decoded is not None:
            return Decoded(decoded if is_upright else cut(_rotate(decoded, orientation), region), False)
    return Decoded(cut(_decode_with_pil(path), region), data.startswith(_JPEG) and decoder != "pil")


@dataclass(frozen=True)
class ImageProperties:
    """What an image file holds.

    Attributes:
        size: after EXIF orientation.
        mode: Pillow's (RGB, L, CMYK, ...).
        orientation: of EXIF, 1 to 8.
        num_bytes: of the file.
        mtime_ns: when the file was last changed, nanoseconds since 1970.
        digest: of its bytes, as `digests.bytes_digest` gives it.
    """

    size: Size
    mode: str
    orientation: int
    num_bytes: int
    mtime_ns: int
    digest: str


def check_image(path: str | Path, *, max_megapixels: float = MAX_PIXELS / 1e6) -> ImageProperties:
    """Decode an image in full, strictly; of an animation the first frame. The file is read once.

    Args:
        path: of the file.
        max_megapixels: of the size that it states, in millions of pixels; a larger one is not decoded.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it cannot be opened.
        ValueError: naming the file, if it is no file, empty, cut off, no image, or larger than `max_megapixels`.
    """
    # Before its bytes: a change while they are read has a later time, and is noticed.
    status = _status(path)
    if status.st_size > _LARGE_BYTES:
        read_size(path)
    data = _read(path)
    with _opened(path, BytesIO(data)) as image:
        # before its orientation is asked for: Pillow looks for that of a PNG behind the pixels, and decodes them
        if (megapixels := image.width * image.height / 1e6) > max_megapixels:
            raise ValueError(
                f"it states {image.width} x {image.height}, {megapixels:.1f} million pixels, more than max_megapixels "
                f"{max_megapixels:g} of its data set; raise that if the image is right, or remove it"
            )
        size, mode, orientation = _upright_size(image), image.mode, _orientation(image)
        # A JPEG drawn at 1/8 is still read to its end, in a third of the time and a 64th of the memory.
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()
    return ImageProperties(size, mode, orientation, len(data), status.st_mtime_ns, bytes_digest(data))


def read_size(path: str | Path) -> Size:
    """Return the size after EXIF orientation by the header alone; what follows may be damaged.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it cannot be opened.
        ValueError: naming the file, if it is no file, empty or no image.
    """
    _read(path, num_bytes=1)
    with _opened(path) as image:
        return _upright_size(image)


def decode_indices(path: str | Path, *, palette: bool = False) -> NDArray[np.uint8]:
    """Decode an 8-bit grey image as it is, shape (height, width): a mask of class indices; with `palette` also one with a palette.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, if it is empty, cut off, no image or of another mode.
    """
    _read(path, num_bytes=1)
    with _opened(path) as image:
        if image.mode not in (("L", "P") if palette else ("L",)):
            expected = "8-bit grey (L)" + (" or a palette (P)" if palette else "")
            raise ValueError(f"its mode is {image.mode}, expected {expected}")
        return np.array(image, dtype=np.uint8)


def _status(path: str | Path) -> os.stat_result:
    try:
        return os.stat(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such image") from None


def _read(path: str | Path, num_bytes: int = -1) -> bytes:
    # opening a pipe would wait for its other end
    if not stat.S_ISREG(_status(path).st_mode):
        raise ValueError(f"{path}: is a folder, a device or a pipe, not an image file")
    try:
        # to make a Path of a Path takes as long as the opening
        with (path if isinstance(path, Path) else Path(path)).open("rb") as file:
            data = file.read(num_bytes)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such image") from None
    if not data:
        raise ValueError(f"{path}: the image file is empty (0 bytes)")
    return data


def _decode_with_pil(path: str | Path) -> ImageArray:
    with _opened(path) as image:
        return _rotate(np.array(_to_rgb(image), dtype=np.uint8), _orientation(image))


def _jpeg_orientation(path: str | Path, data: bytes) -> int:
    if not any(data[place + 1] == APP1 and data.startswith(_EXIF, place + 4) for place in segments(data)):
        return 1
    with _opened(path, BytesIO(data)) as image:
        return _orientation(image)


def _rotate(pixels: ImageArray, orientation: int) -> ImageArray:
    return np.ascontiguousarray(_UPRIGHT[orientation](pixels))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image  # `convert` would copy it
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
    """Return the size once it is rotated: orientations 5 to 8 swap the sides."""
    is_rotated = _orientation(image) >= 5
    return Size(image.height, image.width) if is_rotated else Size(image.width, image.height)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1, as it is, where there is none or none of the eight."""
    tag = image.getexif().get(0x0112, 1)
    return int(tag) if tag in range(1, 9) else 1


def _forget_xmp(image: Image.Image) -> None:
    """Remove XMP: Pillow falls back to an orientation in it, viewers and OpenCV do not, so an image would have two sizes."""
    for key in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(key, None)


@contextmanager
def _opened(path: str | Path, data: BytesIO | None = None) -> Iterator[Image.Image]:
    """Yield an image whose header is read, from `data` unless None; Pillow's errors in the block become a ValueError."""
    try:
        with _quiet(), Image.open(path if data is None else data) as image:
            _forget_xmp(image)
            yield image
    except PIL_FAILURES as error:
        raise _unreadable(path, error) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Pillow's warnings.

    Large images are wanted here (beyond its hard limit, 179 million pixels, they are errors still), and damaged EXIF data
    means no orientation.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def _unreadable(path: str | Path, error: BaseException) -> ValueError:
    reason = "not a known image format" if isinstance(error, UnidentifiedImageError) else str(error)
    return ValueError(f"{path}: cannot be decoded ({reason})")
