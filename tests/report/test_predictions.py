"""Drawn predictions: boxes and words are where they belong."""

import numpy as np
import pytest
from PIL import Image

from objectcrop.report.predictions import draw_predictions
from objectcrop.report.sheets import OBJECT, TOP_PROPOSAL


def test_objects_are_green_and_what_was_found_is_orange_with_its_words(tmp_path):
    Image.fromarray(np.zeros((225, 300, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    shown = {"path": "a.png", "objects": [[20, 50, 80, 120]], "boxes": [[150, 60, 250, 200]], "words": ["cat 0.87"]}
    sheet = draw_predictions([shown, shown | {"boxes": [], "words": []}], tmp_path)
    assert sheet.shape == (225, 606, 3)
    assert tuple(sheet[50, 40]) == OBJECT
    assert tuple(sheet[199, 160]) == tuple(sheet[100, 150]) == TOP_PROPOSAL
    label, empty = sheet[40:60, 150:215], sheet[40:60, 456:521]
    assert (label.min(axis=2) > 180).any(), "white letters"
    assert (label == TOP_PROPOSAL).all(axis=2).any()
    assert not empty.any(), "the second image has no prediction"


def test_words_at_the_upper_edge_stay_inside(tmp_path):
    Image.fromarray(np.zeros((225, 300, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    shown = {"path": "a.png", "objects": [], "boxes": [[10, 0, 60, 30]], "words": ["dog 1.00"]}
    assert (draw_predictions([shown], tmp_path)[:20, 10:70].min(axis=2) > 180).any()
    with pytest.raises(ValueError, match="at least one image"):
        draw_predictions([], tmp_path)
