"""Make the pixels of a planned view on the CPU: uint8 in, uint8 out; normalisation happens on the device."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from objectcrop.boxes import Size
from objectcrop.views.augmentations import ColorTransform, Interpolation
from objectcrop.views.plan import ViewPlan

ImageArray = NDArray[np.uint8]
BLUR_REFERENCE_PX = 224
SOLARISE_FROM = 128
_SOLARISED = np.array([255 - value if value >= SOLARISE_FROM else value for value in range(256)], dtype=np.uint8)


def render(image: ImageArray, size: Size, plan: ViewPlan, size_px: int) -> ImageArray:
    """Return the view that `plan` describes.

    Args:
        image: RGB, shape (height, width, 3). It may be smaller than `size` (decoded at a fraction, or squeezed).
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


def cut_out(image: ImageArray, size: Size, plan: ViewPlan, size_px: int) -> ImageArray:
    """Return the crop of a view as a square, neither mirrored nor augmented."""
    return resize(crop(image, size, plan), size_px, plan.interpolation)


def crop(image: ImageArray, size: Size, plan: ViewPlan) -> ImageArray:
    """Cut the plan's crop out of an image that shows all of `size`; a view on the image's memory.

    What is beyond the border is black (only the release's regions reach there); such a crop is a copy.
    """
    height, width = image.shape[:2]
    across, down = width / size.width, height / size.height
    x1, y1, x2, y2 = plan.crop_box
    # boxes that went through a square may end a rounding beyond
    if min(x1, y1) < -0.5 or x2 > size.width + 0.5 or y2 > size.height + 0.5:
        return _crop_with_black(image, round(x1 * across), round(y1 * down), round(x2 * across), round(y2 * down))
    left, top = min(round(x1 * across), width - 1), min(round(y1 * down), height - 1)
    right, bottom = min(max(round(x2 * across), left + 1), width), min(max(round(y2 * down), top + 1), height)
    return image[top:bottom, left:right]


def _crop_with_black(image: ImageArray, left: int, top: int, right: int, bottom: int) -> ImageArray:
    canvas = np.zeros((max(1, bottom - top), max(1, right - left), 3), dtype=np.uint8)
    visible = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    y, x = max(0, -top), max(0, -left)
    canvas[y : y + visible.shape[0], x : x + visible.shape[1]] = visible[: canvas.shape[0] - y, : canvas.shape[1] - x]
    return canvas


def resize(image: ImageArray, size_px: int, interpolation: Interpolation = "area") -> ImageArray:
    """Resize to a square, antialiased.

    `area` averages along the axes that shrink and is linear along those that grow; `bicubic` is Pillow's (a = -0.5).
    """
    if interpolation == "bicubic":
        return _resize_bicubic(image, size_px)
    height, width = image.shape[:2]
    if height > size_px or width > size_px:
        image = cv2.resize(image, (min(width, size_px), min(height, size_px)), interpolation=cv2.INTER_AREA)
    if height < size_px or width < size_px:
        image = cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return image


def _resize_bicubic(image: ImageArray, size_px: int) -> ImageArray:
    # in this layout, channels last, Torch has a fast path for bytes
    values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    resized = F.interpolate(values, (size_px, size_px), mode="bicubic", antialias=True)
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
        side = 2 * max(1, int(np.ceil(3 * sigma))) + 1
        view = cv2.GaussianBlur(view, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)
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
