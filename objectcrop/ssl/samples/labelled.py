"""Samples of supervised training: random crops of scenes with their labels. Pixels stay uint8."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from objectcrop.data.decoders import describe_decoder, resolve_decoder
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.images import ImageList, Key, read_for, stack_images
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import LabelledBatch
from objectcrop.views.plan import plan_plain_crop
from objectcrop.views.render import ImageArray, render


class LabelledSamples(Dataset[LabelledBatch]):
    """Random crops of scenes with their labels."""

    def __init__(self, images: ImageList, labels: Tensor, run: Run, seeds: Seeds) -> None:
        self.images, self.labels, self.run, self.seeds = images, labels, run, seeds
        self.decoder = resolve_decoder(run.views.decoder)

    def __len__(self) -> int:
        return len(self.images)

    def describe(self) -> dict[str, Any]:
        """Describe the samples for the summary."""
        return {"decoder": describe_decoder(self.decoder), "images": len(self.images)}

    def __getitems__(self, keys: list[Key]) -> LabelledBatch:
        """Make a batch."""
        rows, rendered = [row for _, row in keys], [self._render(*key) for key in keys]
        rejected = torch.tensor([is_rejected for _, is_rejected in rendered])
        return LabelledBatch(
            stack_images([view for view, _ in rendered]), self.labels[rows], torch.tensor(rows), rejected
        )

    def _render(self, epoch: int, row: int) -> tuple[ImageArray, bool]:
        rng = self.seeds.generator("views", epoch, self.images.ids[row])
        size, views = self.images.sizes[row], self.run.views
        plan = plan_plain_crop(size, views.scene_scale_min, rng)
        image = read_for(self.images.paths[row], size, [plan], views, self.decoder)
        return render(image, size, plan, views.size_px), image.is_rejected


def labels_by_image(annotations: pd.DataFrame, images: ImageList) -> tuple[Tensor, list[str]]:
    """Return the labels of each image, and the classes in the order of their columns.

    Returns:
        Class indices, shape (N,), int64, if every image has one class; else 0 and 1, shape (N, classes), uint8.

    Raises:
        ValueError: if no image has a label.
    """
    row_of = {image_id: row for row, image_id in enumerate(images.ids)}
    labelled = annotations[annotations["image_id"].isin(row_of)][["image_id", "class_id"]].drop_duplicates()
    if labelled.empty:
        raise ValueError("no training image has an annotation: a supervised run needs labels")
    classes = sorted(labelled["class_id"].unique())
    column_of = {class_id: column for column, class_id in enumerate(classes)}
    labels = torch.zeros(len(images), len(classes), dtype=torch.uint8)
    rows = torch.tensor([row_of[image_id] for image_id in labelled["image_id"]])
    columns = torch.tensor([column_of[class_id] for class_id in labelled["class_id"]])
    labels[rows, columns] = 1
    if bool((labels.sum(dim=1) == 1).all()):
        return labels.argmax(dim=1), classes
    return labels, classes
