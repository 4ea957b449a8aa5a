"""Records of the authors' released code (spec/lod_golden), and its boxes and sizes as ours."""

from pathlib import Path

import numpy as np
import pytest

from objectcrop.boxes import Size


@pytest.fixture(scope="module")
def golden(shared: Path):
    def load(name: str):
        return np.load(shared / "spec" / "lod_golden" / f"{name}.npz", allow_pickle=False)

    return load


def half_open(boxes) -> np.ndarray:
    converted = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    converted[:, :2] -= 1
    return converted


def size_of(height_width) -> Size:
    height, width = np.ravel(height_width)
    return Size(int(width), int(height))
