"""A photograph without symmetry."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photograph() -> Image.Image:
    """Smooth colours without symmetry, 60 x 40, so that JPEG keeps them and each orientation looks different."""
    y, x = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([x * 4, y * 6, 255 - x * 2 - y * 2], axis=2).astype(np.uint8))
