"""Pixels in float64, for steps that are compared to formulas."""

import pytest

from tests.ssl.wiring import ready


@pytest.fixture
def double_pixels(monkeypatch):
    monkeypatch.setattr("objectcrop.networks.backbones.normalise", ready)
