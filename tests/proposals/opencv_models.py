"""The least models that OpenCV's searches accept: real files in its formats, with made-up numbers."""

from pathlib import Path

import cv2
import numpy as np

PATCH, INNER, SHRINK = 32, 16, 2
CELLS = PATCH // SHRINK


def write_forest(path: Path) -> Path:
    """A structured forest of one tree with one question: is the gradient at the patch's middle strong? Then an edge is there."""
    magnitude = 3 * CELLS**2 + (CELLS // 2) * CELLS + CELLS // 2
    # the four cells in the middle, so that patches two pixels apart leave no gap, each with the weight of many
    bins = [(INNER // 2 + y) * INNER + INNER // 2 + x for y in (0, 1) for x in (0, 1)] * 32
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.startWriteStruct("options", cv2.FILE_NODE_MAP)
    for name, value in {
        "stride": 2,
        "shrinkNumber": SHRINK,
        "patchSize": PATCH,
        "patchInnerSize": INNER,
        "numberOfGradientOrientations": 4,
        "gradientSmoothingRadius": 0,
        "regFeatureSmoothingRadius": 2,
        "ssFeatureSmoothingRadius": 8,
        "gradientNormalizationRadius": 4,
        "selfsimilarityGridSize": 5,
        "numberOfTrees": 1,
        "numberOfTreesToEvaluate": 1,
    }.items():
        storage.write(name, value)
    storage.endWriteStruct()
    for name, values in {
        "childs": [2, 0, 0],
        "featureIds": [magnitude, 0, 0],
        "thresholds": [0.02, 0.0, 0.0],
        "edgeBoundaries": [0, 0, 0, len(bins)],
        "edgeBins": bins,
    }.items():
        storage.startWriteStruct(name, cv2.FILE_NODE_SEQ)
        storage.startWriteStruct("", cv2.FILE_NODE_SEQ | cv2.FILE_NODE_FLOW)
        for value in values:
            storage.write("", value)
        storage.endWriteStruct()
        storage.endWriteStruct()
    storage.release()
    return path


def write_bing(folder: Path) -> Path:
    """BING's nine files: a frame with an empty middle as the filter, windows of four square sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = np.ones((8, 8), dtype=np.float32)
    frame[1:7, 1:7] = 0
    frame[2:6, 2:6] = -1
    parts = {
        "wS1": frame,
        "idx": np.array([[0], [7], [14], [21]], dtype=np.int32),
        "wS2": np.array([[1, 0]] * 4, dtype=np.float32),
    }
    for colours in ("MAXBGR", "HSV", "I"):
        for part, values in parts.items():
            name = f"ObjNessB2W8{colours}"
            storage = cv2.FileStorage(str(folder / f"{name}.{part}.yml.gz"), cv2.FILE_STORAGE_WRITE)
            storage.write(name, values)
            storage.release()
    return folder
