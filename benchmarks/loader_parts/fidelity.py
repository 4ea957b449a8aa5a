"""How far our resized crops are from Pillow's, and what a worker of the loader takes for itself."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from loader_parts.peers import SIDE_PX, read_pil
from PIL import Image

from objectcrop.ssl.samples.images import read_for
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.views.render import cut_out, pixels_of


def psnr_db(samples: PairSamples) -> float:
    """Return the ratio of peak to error of the crops of one epoch, decoded and resized by us and by Pillow, in decibels."""
    errors = []
    for row, path in enumerate(samples.images.paths):
        plan, size, whole = samples.plan((0, row)), samples.images.sizes[row], read_pil(path)
        for view in (plan.query, plan.key):
            ours = cut_out(read_for(path, size, [view], samples.run.views, samples.decoder), size, view, SIDE_PX)
            theirs = whole.resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR, box=pixels_of(view, size, size))
            errors.append(((ours.astype(float) - np.asarray(theirs, dtype=float)) ** 2).mean())
    return float(10 * np.log10(255**2 / np.mean(errors)))


def private_mib() -> float:
    """Return the memory of this process that no other one shares."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def in_fork(work: Callable[[], float]) -> float:
    """Return what a function returns in a process that is forked for it."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, str(work()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return float(os.read(reader, 100))
