"""Readings of OAC's extra losses, and pairs of noise to compute them on: what the benchmarks of a step share."""

from typing import Any

import torch

from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import PairBatch

PATCHES = 7
BOTH = {"rotation": 1.0, "localization": 1.0}
ROTATED, ENCODED, SMALL = {"rotate_contrastive": True}, {"key_features": "key_encoder"}, {"whole_size_px": 112}
NEEDED, MERGED = {"key_rows": "needed"}, {"passes": "merged"}
READINGS: dict[str, dict[str, Any]] = {
    "literal": {},
    "every loss sees the rotated view": ROTATED,
    "features of the key encoder": ENCODED,
    "the whole image at half the side": SMALL,
    "rows that are needed": NEEDED,
    "one merged pass": MERGED,
    "rotated view, key encoder": ROTATED | ENCODED,
    "rotated view, key encoder, half the side": ROTATED | ENCODED | SMALL,
}
"""Settings of `losses` beside the weights; `whole_size_px` is for views of 224 pixels, half of the side of others."""


def losses_of(weights: dict[str, Any], reading: str, side_px: int) -> dict[str, Any]:
    """Return the section `losses` of a reading for views of a side, in pixels."""
    settings = READINGS[reading]
    if "whole_size_px" in settings:
        settings = settings | {"whole_size_px": side_px // 2}
    return {**weights, **settings, "patches": PATCHES}


def noise_batch(run: Run, count: int, device: torch.device) -> PairBatch:
    """Return pairs of noise, half of them with the object view as the query."""

    def images(side: int) -> torch.Tensor:
        return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, device=device)

    tags, losses = torch.arange(count) % 2, run.losses
    has_whole = bool(losses.localization)
    return PairBatch(
        images(run.views.size_px),
        images(run.views.size_px),
        tags,
        1 - tags,
        torch.randint(0, 4, (count,), device=device),
        images(losses.whole_size_px or run.views.size_px) if has_whole else None,
        torch.ones(count, PATCHES, PATCHES, device=device) if has_whole else None,
        torch.arange(count),
    )
