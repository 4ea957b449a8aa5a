"""Features of a frozen trunk: images are decoded, cut, normalised and run through it in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import StringIO
from itertools import chain

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from objectcrop.evaluate.linear.images import LabelledImages
from objectcrop.evaluate.linear.states import States
from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.distributed import World
from objectcrop.runtime.precision import autocast
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import read_for
from objectcrop.ssl.samples.order import load_batches
from objectcrop.study.settings.section import Precision
from objectcrop.study.settings.tasks import LinearTask
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.plan import ViewPlan, plan_plain_crop
from objectcrop.views.regions import as_box
from objectcrop.views.render import render

IMAGES_AT_ONCE = 256
"""Of a larger batch the trunk sees so many at a time, and workers load so many."""
TEST_VIEW = -1


class Views(Dataset[Tensor]):
    """Square images, uint8, shape (size_px, size_px, 3), in batches: keys are (epoch, row); epoch `TEST_VIEW` is the test view.

    That is the centre of an image. Of an object it is its box, squeezed to a square as detectors see it (Girshick et al. 2014,
    arXiv:1311.2524).
    """

    def __init__(self, images: LabelledImages, task: LinearTask, seeds: Seeds) -> None:
        self.images, self.task, self.seeds = images, task, seeds

    def plan(self, epoch: int, row: int) -> ViewPlan:
        """Plan the crop of an image, or of an object in it."""
        size, interpolation = self.images.sizes[row], self.task.interpolation
        box = None if self.images.boxes is None else as_box(self.images.boxes[[row]])
        if epoch < 0:
            plan = plan_test_view(size.width, size.height, self.task) if box is None else ViewPlan("object", box, box)
        else:
            rng = self.seeds.generator("linear-views", epoch, self.images.ids[row])
            plan = plan_plain_crop(size, self.task.crop_scale_min, rng, box)
        return replace(plan, interpolation=interpolation)

    def __getitems__(self, keys: list[tuple[int, int]]) -> Tensor:
        """Make a batch, shape (n, size_px, size_px, 3)."""
        return torch.from_numpy(np.stack([self._draw(*key) for key in keys]))

    def _draw(self, epoch: int, row: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        plan = self.plan(epoch, row)
        size, settings = self.images.sizes[row], ViewSettings(size_px=self.task.size_px)
        image = read_for(self.images.paths[row], size, [plan], settings)
        return render(image, size, plan, self.task.size_px)


def plan_test_view(width: int, height: int, task: LinearTask) -> ViewPlan:
    """The central square that "resize the short side to resize_px, cut size_px from the centre" keeps, pixels.

    Raises:
        ValueError: if the cut would be larger than the resized image.
    """
    if task.size_px > task.resize_px:
        raise ValueError(
            f"linear task: size_px {task.size_px} is larger than resize_px {task.resize_px}; raise resize_px"
        )
    side = min(width, height) * task.size_px / task.resize_px
    left, top = (width - side) / 2, (height - side) / 2
    return ViewPlan("scene", (0.0, 0.0, float(width), float(height)), (left, top, left + side, top + side))


class Extractor:
    """A frozen trunk in eval mode on its device, computing in `precision`; several processes share the images of each batch."""

    def __init__(self, backbone: Backbone, world: World, num_workers: int, precision: Precision) -> None:
        backbone.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.backbone = backbone.eval().requires_grad_(False)
        self.world, self.device, self.num_workers, self.precision = world, world.device, num_workers, precision

    def batches(self, views: Views, keys: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Tensor]:
        """Yield the features of each batch of keys, shape (n, num_features), float32, on the device of each process."""
        rank, size = self.world.rank, self.world.size
        parts = [_cut(batch[rank * len(batch) // size : (rank + 1) * len(batch) // size]) for batch in keys]
        loaded = iter(load_batches(views, list(chain.from_iterable(parts)), self.num_workers, self.device))
        for batch, part in zip(keys, parts, strict=True):
            own = [self.features(next(loaded)) for _ in part]
            yield self._gathered(own, len(batch))

    def _gathered(self, own: list[Tensor], num_images: int) -> Tensor:
        """Return the features of a batch from those of each process; their numbers of images differ by one at most."""
        if self.world.size == 1:
            return torch.cat(own)
        size = self.world.size
        longest = -(-num_images // size)
        features = torch.cat([torch.zeros(0, self.backbone.num_features, device=self.device), *own])
        padded = functional.pad(features, (0, 0, 0, longest - len(features)))
        counts = [(rank + 1) * num_images // size - rank * num_images // size for rank in range(size)]
        gathered = torch.split(self.world.gather(padded), longest)
        return torch.cat([part[:count] for part, count in zip(gathered, counts, strict=True)])

    def features(self, images: Tensor) -> Tensor:
        """Return pooled features of uint8 images, shape (n, H, W, 3), as float32."""
        # no inference mode: a layer is trained on what comes out
        with torch.no_grad(), autocast(self.precision, self.device):
            features: Tensor = self.backbone.view(images.to(self.device, non_blocking=True)).features
        return features.float()

    def all_features(self, views: Views, epoch: int, batch: int, label: str, states: States, name: str) -> Tensor:
        """Return the features of every image in order, shape (n, num_features), from what is saved on; print progress.

        Args:
            views: of the images.
            epoch: which view of them.
            batch: images at a time.
            label: printed with the progress.
            states: keeps what is computed.
            name: of these features there.

        Raises:
            Stopped: after saving, if a stop was asked for.
        """
        keys = [(epoch, row) for row in range(len(views.images))]
        parts = states.load_features(name, self.device)
        saved = done = sum(map(len, parts))
        pending: list[Tensor] = []
        with progress_of(self.world, label, total=len(keys), done=done) as progress:
            for part in self.batches(views, [keys[start : start + batch] for start in range(done, len(keys), batch)]):
                pending.append(part)
                done += len(part)
                progress.advance(len(part))
                if states.is_due() or done == len(keys):
                    parts.append(torch.cat(pending))
                    states.save_features(name, saved, parts[-1])
                    saved, pending = done, []
        return torch.cat(parts)


def progress_of(world: World, label: str, *, total: int, done: int) -> Progress:
    """Return the progress of images; only the first process prints it."""
    return Progress(label, total=total, unit="images", done=done, stream=None if world.is_first else StringIO())


def _cut(batch: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    return [batch[start : start + IMAGES_AT_ONCE] for start in range(0, len(batch), IMAGES_AT_ONCE)]
