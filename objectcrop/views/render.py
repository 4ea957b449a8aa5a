"""Make the pixels of a planned view on the CPU: uint8 in, uint8 out; normalisation happens on the device."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from objectcrop.boxes import PixelBox, Size
from objectcrop.views.augmentations import ColorTransform, Interpolation
from objectcrop.views.plan import ViewPlan

ImageArray = NDArray[np.uint8]
BLUR_REFERENCE_PX = 224
SOLARISE_FROM = 128
_SOLARISED = np.array([255 - value if value >= SOLARISE_FROM else value for value in range(256)], dtype=np.uint8)


class Part(NamedTuple):
    """Pixels of a part of an image, enough for the views that are made of it.

    Attributes:
        pixels: RGB, shape (height, width, 3).
        left: column of the image that the first one is.
        top: row, likewise.
        size: the size of the whole image in these pixels: it may be squeezed.
        is_rejected: whether the decoder rejected the image, so that Pillow decoded it.
    """

    pixels: ImageArray
    left: int
    top: int
    size: Size
    is_rejected: bool = False

    @classmethod
    def whole(cls, pixels: ImageArray) -> "Part":
        """All of an image."""
        return cls(pixels, 0, 0, Size(pixels.shape[1], pixels.shape[0]))


def render(image: Part, size: Size, plan: ViewPlan, size_px: int) -> ImageArray:
    """Return the view that `plan` describes.

    Args:
        image: what was decoded of it, at least the plan's crop.
        size: the size that the plan's boxes refer to.
        plan: what to show.
        size_px: side of the square view.

    Returns:
        RGB, shape (size_px, size_px, 3).
    """
    view = cut_out(image, size, plan, size_px)
    if plan.is_flipped:
        view = cv2.flip(view, 1)
    return augment(view, plan.transform)


def cut_out(image: Part, size: Size, plan: ViewPlan, size_px: int) -> ImageArray:
    """Return the crop of a view as a square, neither mirrored nor augmented."""
    return resize(crop(image, size, plan), size_px, plan.interpolation)


def crop(image: Part, size: Size, plan: ViewPlan) -> ImageArray:
    """Cut the plan's crop out of what was decoded; a view on its memory.

    What is beyond the border is black (only the release's regions reach there); such a crop is a copy.
    """
    left, top, right, bottom = pixels_of(plan, size, image.size)
    there = cut_at_border((left, top, right, bottom), image.size)
    columns, rows = (
        slice(there[0] - image.left, there[2] - image.left),
        slice(there[1] - image.top, there[3] - image.top),
    )
    if there == (left, top, right, bottom):
        return image.pixels[rows, columns]
    canvas = np.zeros((bottom - top, right - left, 3), dtype=np.uint8)
    if there[0] < there[2] and there[1] < there[3]:
        canvas[there[1] - top : there[3] - top, there[0] - left : there[2] - left] = image.pixels[rows, columns]
    return canvas


def pixels_of(plan: ViewPlan, size: Size, shown: Size) -> PixelBox:
    """Return the whole pixels of a plan's crop, at least one each way, in an image of the size `shown`; they may be outside it.

    Args:
        plan: of a view.
        size: the size that its boxes refer to.
        shown: the size that the image has where it is cut.
    """
    across, down = shown.width / size.width, shown.height / size.height
    x1, y1, x2, y2 = plan.crop_box
    left, top, right, bottom = round(x1 * across), round(y1 * down), round(x2 * across), round(y2 * down)
    # boxes that went through a square may end a rounding beyond
    if min(x1, y1) < -0.5 or x2 > size.width + 0.5 or y2 > size.height + 0.5:
        return left, top, max(right, left + 1), max(bottom, top + 1)
    left, top = min(left, shown.width - 1), min(top, shown.height - 1)
    return left, top, min(max(right, left + 1), shown.width), min(max(bottom, top + 1), shown.height)


def cut_at_border(region: PixelBox, size: Size) -> PixelBox:
    """Return the part of a region that is inside the image; empty if none is."""
    left, top, right, bottom = region
    return max(0, left), max(0, top), min(right, size.width), min(bottom, size.height)


def resize(image: ImageArray, size_px: int, interpolation: Interpolation = "linear") -> ImageArray:
    """Resize to a square, antialiased.

    `linear` and `bicubic` (a = -0.5) are Pillow's. `area` averages along the axes that shrink and is linear along those that grow.
    """
    height, width = image.shape[:2]
    if interpolation != "area":
        return image if height == width == size_px else _resize_as_pillow(image, size_px, interpolation)
    if height > size_px or width > size_px:
        image = cv2.resize(image, (min(width, size_px), min(height, size_px)), interpolation=cv2.INTER_AREA)
    if height < size_px or width < size_px:
        image = cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return image


def _resize_as_pillow(image: ImageArray, size_px: int, interpolation: Interpolation) -> ImageArray:
    # in this layout, channels last (the batch first, then moved), Torch has a fast path for bytes, and gives what needs no copy
    values = torch.from_numpy(image)[None].permute(0, 3, 1, 2)
    mode = "bilinear" if interpolation == "linear" else interpolation
    resized = F.interpolate(values, (size_px, size_px), mode=mode, antialias=True)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def augment(view: ImageArray, transform: ColorTransform) -> ImageArray:
    """Apply colours and blur as torchvision's `ColorJitter`, `RandomGrayscale` and MoCo's blur do, then solarise."""
    if transform.is_gray and transform.is_gray_first:
        view = _gray(view)
    for name, value in transform.jitter:
        view = _JITTERS[name](view, value)
    if transform.is_gray and not transform.is_gray_first:
        view = _gray(view)
    if transform.blur_sigma > 0:
        sigma = transform.blur_sigma * view.shape[0] / BLUR_REFERENCE_PX
        # by two passes: OpenCV's own Gaussian of bytes has the bits of fixed numbers and takes twice the time
        kernel = cv2.getGaussianKernel(2 * max(1, int(np.ceil(3 * sigma))) + 1, sigma, cv2.CV_32F)
        view = cv2.sepFilter2D(view, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return _SOLARISED[view] if transform.is_solarised else view


def _gray(view: ImageArray) -> ImageArray:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _brightness(view: ImageArray, factor: float) -> ImageArray:
    return np.asarray(cv2.convertScaleAbs(view, alpha=factor), dtype=np.uint8)


def _contrast(view: ImageArray, factor: float) -> ImageArray:
    mean = round(cv2.mean(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY))[0])
    # addWeighted stops at 0, convertScaleAbs would mirror what is below
    return np.asarray(cv2.addWeighted(view, factor, view, 0.0, (1 - factor) * mean), dtype=np.uint8)


def _saturation(view: ImageArray, factor: float) -> ImageArray:
    return np.asarray(cv2.addWeighted(view, factor, _gray(view), 1 - factor, 0.0), dtype=np.uint8)


def _hue(view: ImageArray, share: float) -> ImageArray:
    rotated = cv2.cvtColor(view, cv2.COLOR_RGB2HSV_FULL)
    rotated[..., 0] += np.uint8(round(share * 256) % 256)  # hue is a circle of 256 steps: uint8 wraps as it should
    return np.asarray(cv2.cvtColor(rotated, cv2.COLOR_HSV2RGB_FULL), dtype=np.uint8)


_JITTERS = {"brightness": _brightness, "contrast": _contrast, "saturation": _saturation, "hue": _hue}
