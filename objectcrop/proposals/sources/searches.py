"""Proposals that read one image at a time: EdgeBoxes, BING, selective search, by OpenCV's contrib build."""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from objectcrop.boxes import Boxes, Size, as_boxes, to_pixels, to_relative
from objectcrop.proposals.selection import select_by_overlap
from objectcrop.proposals.sources.edges import Edges, gradient_edges
from objectcrop.proposals.table import ImageProposals, usable
from objectcrop.proposals.trunk import ImageArray, reduced_size, resized
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.proposals import (
    BingProposals,
    EdgeBoxesProposals,
    MaskCutProposals,
    Searched,
    SearchedProposals,
    SelectiveSearchProposals,
)

FOREST_PARTS = ("options", "childs", "featureIds", "thresholds", "edgeBoundaries", "edgeBins")
BING_FILES = tuple(
    f"ObjNessB2W8{colours}.{part}.yml.gz" for colours in ("MAXBGR", "HSV", "I") for part in ("wS1", "wS2", "idx")
)
LARGEST_SEED = 2**31 - 1
MIN_SIDE_PX = 16
"""OpenCV's searches read beyond the image or end the process on less; such an image gives no boxes."""


class ScoredBoxes(NamedTuple):
    """Boxes (n, 4), half-open pixels, and their scores, larger is better; in no order."""

    boxes: Boxes
    scores: NDArray[np.float64]


Search = Callable[[ImageArray, np.random.Generator], ScoredBoxes]
"""A way to find boxes in an image (height, width, 3), RGB; the generator is for searches that draw."""
FindEdges = Callable[[ImageArray], Edges]
"""A way to find edges in an image (height, width, 3), RGB."""


def make_search(source: Searched, data_root: Path) -> Search:
    """The search that a source names; its model files are read once.

    Raises:
        ValueError: if this OpenCV is not the contrib build, or a model file is none.
        FileNotFoundError: if a model file is not there.
    """
    match source:
        case EdgeBoxesProposals():
            edges = gradient_edges if source.model is None else forest_edges(data_root / source.model)
            return edge_boxes(edges, source.max_candidates)
        case BingProposals():
            return bing(data_root / source.model_folder)
        case SelectiveSearchProposals():
            return selective_search(quality=source.mode == "quality")


def find_boxes(
    search: Search, image: ImageArray, source: SearchedProposals, image_id: str, rng: np.random.Generator
) -> ImageProposals:
    """Return the best boxes of an image, best first: searched in the reduced image, suppressed, in its own pixels.

    Raises:
        ValueError: naming the image, if the search fails on it.
    """
    size = Size(image.shape[1], image.shape[0])
    reduced = reduced_size(size, source.long_side_px)
    if min(reduced) < MIN_SIDE_PX:
        return ImageProposals(image_id, size, as_boxes([]), np.zeros(0))
    try:
        scored = search(resized(image, reduced), rng)
    except ValueError as error:
        raise ValueError(f"image {image_id}: {error}") from error
    enlarged = usable(
        ImageProposals(image_id, size, to_pixels(to_relative(scored.boxes, reduced), size), scored.scores)
    )
    best = select_by_overlap(
        enlarged.boxes, enlarged.scores, max_boxes=source.max_boxes, max_overlap=source.max_overlap
    )
    return ImageProposals(image_id, size, enlarged.boxes[best], enlarged.scores[best])


def search_images(
    search: Search,
    images: Iterable[tuple[str, ImageArray]],
    source: Searched | MaskCutProposals,
    study_seed: int,
    progress: Progress,
) -> list[ImageProposals]:
    """Find the boxes of images one by one; what a search draws depends on the seed and the image's id alone.

    Args:
        search: made of the source.
        images: ids and images, one in memory at a time.
        source: settings.
        study_seed: of the study.
        progress: counts the images.
    """
    proposals = []
    for image_id, image in images:
        rng = generator(study_seed, f"proposals.{source.kind}", image_id)
        proposals.append(find_boxes(search, image, source, image_id, rng))
        progress.advance(1, boxes=len(proposals[-1].boxes))
    return proposals


def edge_boxes(find_edges: FindEdges, max_candidates: int) -> Search:
    """EdgeBoxes with its default settings on edges of any kind; the score is its own."""
    ximgproc = _contrib("ximgproc", "edge_boxes")

    def search(image: ImageArray, rng: np.random.Generator) -> ScoredBoxes:
        # the object keeps what it saw last, so each image gets its own
        finder = ximgproc.createEdgeBoxes(maxBoxes=max_candidates)
        boxes, scores = finder.getBoundingBoxes(*find_edges(image))
        # without boxes there is one score all the same, which is no number
        return ScoredBoxes(_with_corners(boxes), np.asarray(scores, dtype=np.float64).reshape(-1)[: len(boxes)])

    return search


def forest_edges(model: Path) -> FindEdges:
    """Structured edges (Dollar and Zitnick 2013) of OpenCV's forest in a file.

    The file is checked first, because OpenCV ends the process on one that is no forest.
    """
    ximgproc = _contrib("ximgproc", "edge_boxes")
    _check_forest(model)
    forest = ximgproc.createStructuredEdgeDetection(str(model))

    def find_edges(image: ImageArray) -> Edges:
        strength = forest.detectEdges(image.astype(np.float32) / 255)
        normal_rad = forest.computeOrientation(strength)
        return Edges(forest.edgesNms(strength, normal_rad), normal_rad)

    return find_edges


def _check_forest(model: Path) -> None:
    where = (
        f"{model}: the structured forest of EdgeBoxes is not there; put model.yml.gz of the repository "
        "opencv/opencv_extra (testdata/cv/ximgproc) there"
    )
    if not model.is_file():
        raise FileNotFoundError(where)
    try:
        storage = cv2.FileStorage(str(model), cv2.FILE_STORAGE_READ)
        missing = [name for name in FOREST_PARTS if storage.getNode(name).empty()]
    except (cv2.error, SystemError) as error:
        raise ValueError(f"{model}: not a YAML file that OpenCV reads ({error})") from error
    if missing:
        raise ValueError(f"{model}: not a structured forest of OpenCV, it lacks {missing}")


def bing(folder: Path) -> Search:
    """BING in three colour spaces; the score is minus OpenCV's value, which grows from the best box to the worst."""
    saliency = _contrib("saliency", "bing")
    missing = [name for name in BING_FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: lacks {len(missing)} of BING's {len(BING_FILES)} model files, first {missing[0]}; put those of the "
            "repository opencv/opencv_contrib (modules/saliency/samples/ObjectnessTrainedModel) there"
        )
    for name in BING_FILES:
        _check_bing(folder / name)
    finder = saliency.ObjectnessBING_create()
    finder.setTrainingPath(str(folder))

    def search(image: ImageArray, rng: np.random.Generator) -> ScoredBoxes:
        # it writes the image's boxes into a folder, by default one at the root of the file system
        with tempfile.TemporaryDirectory(prefix="bing") as results, _without_output():
            finder.setBBResDir(results)
            _, corners = finder.computeSaliency(np.ascontiguousarray(image[..., ::-1]))
        corners = as_boxes([] if corners is None else np.asarray(corners).reshape(-1, 4))
        values = np.asarray(finder.getobjectnessValues(), dtype=np.float64).reshape(-1)
        # 1-based and inclusive
        return ScoredBoxes(corners - np.array([1.0, 1.0, 0.0, 0.0]), -values)

    return search


def _check_bing(path: Path) -> None:
    """Check a file of BING first: OpenCV reads a missing matrix as an empty one and crashes on that."""
    matrix = path.name.split(".")[0]
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        values = storage.getNode(matrix).mat()
    except (cv2.error, SystemError) as error:
        raise ValueError(f"{path}: not a YAML file that OpenCV reads ({error})") from error
    if values is None or values.size == 0:
        raise ValueError(f"{path}: not a file of BING's model, it lacks the matrix {matrix}")


@contextmanager
def _without_output() -> Iterator[None]:
    """Keep from the terminal what C code prints: BING prints its time for every image."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def selective_search(*, quality: bool) -> Search:
    """Selective search; the score is minus the place in OpenCV's list, which is drawn for each image.

    The method orders boxes by their height in the hierarchy times a random number, which OpenCV takes from C's `rand`:
    that alone is seeded, from the image's generator.
    """
    segmentation = _contrib("ximgproc", "selective_search").segmentation
    libc = ctypes.CDLL(None)

    def search(image: ImageArray, rng: np.random.Generator) -> ScoredBoxes:
        finder = segmentation.createSelectiveSearchSegmentation()
        finder.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
        if quality:
            finder.switchToSelectiveSearchQuality()
        else:
            finder.switchToSelectiveSearchFast()
        libc.srand(int(rng.integers(LARGEST_SEED)))
        boxes = _with_corners(finder.process())
        return ScoredBoxes(boxes, -np.arange(len(boxes), dtype=np.float64))

    return search


def _with_corners(boxes: Any) -> Boxes:
    corners = as_boxes(boxes)
    corners[:, 2:] += corners[:, :2]
    return corners


def _contrib(module: str, kind: str) -> Any:
    if not hasattr(cv2, module):
        raise ValueError(
            f"proposals of kind {kind} need OpenCV's contrib build, this is the plain one: install "
            f"opencv-contrib-python-headless=={cv2.__version__}.* over it (`make setup` does)"
        )
    return getattr(cv2, module)
