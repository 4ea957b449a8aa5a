"""Classes of drawn scenes, and which scenes favour which.

The first twelve classes have a surface and an outline each of their own. Each surface and each outline comes back once
among the next twelve, in another pair: there only both together name a class. Colours are random for every object.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectcrop.data.drawn.outlines import OUTLINES
from objectcrop.data.drawn.surfaces import GROUNDS, PATTERNS

MAX_CLASSES = 2 * len(PATTERNS)
NUM_SCENE_TYPES = 4
_SECOND_PAIRING = 5  # the outlines of classes 12 to 23 are those of the first dozen, moved by this many places
_FAVOUR = 3.0


@dataclass(frozen=True)
class DrawnClass:
    """One class: `mid` is its LabelName in Open Images layout, `name` its plain name."""

    mid: str
    name: str
    surface: str
    outline: str


def drawn_classes(num_classes: int, class_cue: str = "both") -> list[DrawnClass]:
    """Return the first `num_classes` classes; their names say what names them: "surface", "outline" or "both".

    Raises:
        ValueError: if there are fewer.
    """
    if not 1 <= num_classes <= MAX_CLASSES:
        raise ValueError(f"num_classes: got {num_classes}, there are 1 to {MAX_CLASSES} drawn classes")
    surfaces, outlines = list(PATTERNS), list(OUTLINES)
    classes = []
    for index in range(num_classes):
        place, dozen = index % len(surfaces), index // len(surfaces)
        surface, outline = surfaces[place], outlines[(place + dozen * _SECOND_PAIRING) % len(outlines)]
        name = {"surface": surface, "outline": outline}.get(class_cue, f"{surface} {outline}")
        classes.append(DrawnClass(f"/m/drawn{index + 1:02d}", name, surface, outline))
    return classes


def class_shares(scene_type: int, num_classes: int) -> NDArray[np.float64]:
    """Return the probabilities of the classes in a type of scene: every fourth class is three times as likely as the others."""
    weights = np.where(np.arange(num_classes) % NUM_SCENE_TYPES == scene_type, _FAVOUR, 1.0)
    return np.asarray(weights / weights.sum())


def ground_shares(scene_type: int) -> NDArray[np.float64]:
    """Return the probabilities of the grounds in a type of scene: each type prefers two, every ground occurs in all."""
    places = np.arange(len(GROUNDS))
    preferred = (places - scene_type) % len(GROUNDS) < 2
    weights = np.where(preferred, _FAVOUR, 1.0)
    return np.asarray(weights / weights.sum())
