"""Edges of an image by its gradient alone: input of EdgeBoxes where no trained edge detector is at hand."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.proposals.trunk import ImageArray

SMOOTHING_PX = 1.0
"""Deviation of the Gaussian that the image is smoothed with; below it a slope between pixels is mostly noise."""
FULL_STEP = 3.2
"""A smoothed step of height 1 between two pixels rises by 1 / FULL_STEP a pixel at both, as Sobel sees it: half of what the
normal distribution holds between -0.5 and 1.5 deviations."""
LEAST_STEP = 0.5 / 255
"""Images have no lower steps; what is below is rounding."""


class Edges(NamedTuple):
    """Edges of an image, both (height, width).

    strength: height of the step there, in the channel where it is highest; 0 to 1, black to white. Less on blurred steps.
    normal_rad: direction across the edge, from x to y, at least 0 and below pi.
    """

    strength: NDArray[np.float32]
    normal_rad: NDArray[np.float32]


def gradient_edges(image: ImageArray) -> Edges:
    """Thin edges of an RGB image (height, width, 3), uint8.

    The gradient of the smoothed image (Sobel), of the channel where it is longest, kept where it is longest across the
    edge (Canny 1986). Nothing is trained: texture counts as much as contours of objects do.
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), SMOOTHING_PX)
    # Sobel's weights add up to 8 for a slope of 1
    slopes = np.stack([cv2.Sobel(smooth, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))])
    lengths = np.hypot(slopes[0], slopes[1])
    steepest = lengths.argmax(axis=-1, keepdims=True)
    x, y = np.take_along_axis(slopes, steepest[None], axis=-1)[..., 0]
    strength = np.minimum(np.take_along_axis(lengths, steepest, axis=-1)[..., 0] * FULL_STEP, 1)
    angle = np.mod(np.arctan2(y, x), np.float32(np.pi))
    # a hair below 0 comes out as pi itself
    return thinned(Edges(strength, np.where(angle < np.float32(np.pi), angle, 0)))


def thinned(edges: Edges) -> Edges:
    """The same with strength 0 wherever it is greater a pixel away across the edge, on one side as great, or mere rounding."""
    strength, normal_rad = edges
    rows, columns = np.indices(strength.shape, dtype=np.float32)
    ahead, behind = (
        cv2.remap(
            strength,
            columns + side * np.cos(normal_rad),
            rows + side * np.sin(normal_rad),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for side in (1, -1)
    )
    kept = (strength >= ahead) & (strength > behind) & (strength >= LEAST_STEP)
    return Edges(np.where(kept, strength, np.float32(0)), normal_rad)
