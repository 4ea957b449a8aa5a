"""Where the time of a pair goes, stage by stage, beside floors: what the same bytes cost when nothing is computed of them."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from objectcrop.data.decoders import decode_jpeg
from objectcrop.ssl.samples.images import read_for, stack_images
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.views.render import augment, crop, cut_out


class Stage(NamedTuple):
    """What a stage of a pair costs on one core.

    Attributes:
        name: what is done.
        ms: milliseconds of the processor.
        floor_ms: of its floor; None where there is none.
        floor: what that is.
    """

    name: str
    ms: float
    floor_ms: float | None = None
    floor: str = ""


def stages(samples: PairSamples, repeats: int) -> list[Stage]:
    """Return the stages of a pair of every image, medians of alternating rounds."""
    keys = [(1, row) for row in range(len(samples))]
    plans, paths, sizes = [samples.plan(key) for key in keys], samples.images.paths, samples.images.sizes
    views = samples.run.views
    pairs = [(plan.query, plan.key) for plan in plans]
    files = [path.read_bytes() for path in paths]
    parts = [read_for(*image, views, samples.decoder) for image in zip(paths, sizes, pairs, strict=True)]
    regions = [
        (part.left, part.top, part.left + part.pixels.shape[1], part.top + part.pixels.shape[0]) for part in parts
    ]
    both = [(*image, plan) for *image, pair in zip(parts, sizes, pairs, strict=True) for plan in pair]
    cut = [cut_out(part, size, plan, views.size_px) for part, size, plan in both]
    transforms = [plan.transform for *_, plan in both]
    read_share = [region[3] / size.height for region, size in zip(regions, sizes, strict=True)]
    operations = [len(t.jitter) + t.is_gray + (t.blur_sigma > 0) + t.is_solarised for t in transforms]
    works: dict[str, Callable[[], object]] = {
        "plan": lambda: [samples.plan(key) for key in keys],
        "read": lambda: [path.read_bytes() for path in paths],
        "decode": lambda: [decode_jpeg(f, samples.decoder, r) for f, r in zip(files, regions, strict=True)],
        "entropy": lambda: [cv2.imdecode(np.frombuffer(f, np.uint8), cv2.IMREAD_REDUCED_COLOR_8) for f in files],
        "resize": lambda: [cut_out(part, size, plan, views.size_px) for part, size, plan in both],
        "crops": lambda: [np.array(crop(*place)) for place in both],
        "colours": lambda: [augment(view, t) for view, t in zip(cut, transforms, strict=True)],
        "views": lambda: [view.copy() for view, count in zip(cut, operations, strict=True) for _ in range(count)],
        "stack": lambda: (stack_images(cut[::2]), stack_images(cut[1::2])),
    }
    ms = _medians(works, repeats, len(keys))
    return [
        Stage("plan", ms["plan"]),
        Stage("read the file", ms["read"]),
        Stage(
            "decode the region",
            ms["decode"],
            ms["entropy"] * statistics.mean(read_share),
            "entropy decoding: the rows down to its bottom, at an eighth of the side",
        ),
        Stage("two crops, resized", ms["resize"], ms["crops"], "the crops, copied"),
        Stage("colours and blur", ms["colours"], ms["views"], "the views, copied once an operation"),
        Stage("into a batch", ms["stack"]),
    ]


def _medians(works: dict[str, Callable[[], object]], repeats: int, count: int) -> dict[str, float]:
    """Return the milliseconds of each over `count`."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(repeats + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if round_:
                taken[name].append(1000 * (time.process_time() - start) / count)
    return {name: statistics.median(values) for name, values in taken.items()}
