"""Axes with few, plain numbers."""

from typing import Any

import numpy as np
from matplotlib import ticker


def short(value: float, place: int | None = None) -> str:
    """Return a number for an axis: 40k, 2M, 0.05."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def log_scale(axis: Any) -> None:
    """Make an axis logarithmic; call it when all is drawn, as few decades need numbers in between."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    within_one = ticker.MaxNLocator(nbins=4, steps=(1, 2, 5, 10))
    powers = ticker.LogLocator(subs=(1,) if decades > 2 else (1, 3), numticks=6)
    axis.set_major_locator(powers if decades > 1 else within_one)
    axis.set_major_formatter(ticker.FuncFormatter(short))
    axis.set_minor_formatter(ticker.NullFormatter())
