"""Decode images no larger than their views need."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from objectcrop.data.decoders import AUTO, Decoder, Reduce
from objectcrop.data.images import decode_image
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import ViewPlan
from objectcrop.views.render import Picture


def read_for(
    path: Path, wanted: Sequence[tuple[ViewPlan, int]], settings: ViewSettings, decoder: Decoder = AUTO
) -> Picture:
    """Decode an image as large as its views need it: at 1/2 or 1/4 of its sides where every crop stays large enough.

    Args:
        path: of the image.
        wanted: views that will be rendered, each with its side in pixels.
        settings: how views are made.
        decoder: the one that `settings` mean, resolved.
    """
    side = settings.resize_first_px
    if side is not None:
        return read_square(path, side, decoder)
    finest = min(_shorter_side(plan) / size_px for plan, size_px in wanted)
    reduce: Reduce = 4 if finest >= 4 else 2 if finest >= 2 else 1
    return decode_image(path, reduce, decoder)


def read_square(path: Path, side: int, decoder: Decoder = AUTO) -> Picture:
    """The whole image, squeezed to a square."""
    whole = decode_image(path, decoder=decoder)
    method = cv2.INTER_AREA if min(whole.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (side, side), interpolation=method), dtype=np.uint8)


def _shorter_side(plan: ViewPlan) -> float:
    x1, y1, x2, y2 = plan.crop_box
    return min(x2 - x1, y2 - y1)
