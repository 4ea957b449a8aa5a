"""Thirty steps of every method, pair of regions and extra loss on a tiny set: what test_methods.py holds.

`python -m tests.ssl.thirty_steps` prints the table of docs/results/thirty_steps.md.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch

from objectcrop.networks.backbones import Backbone
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import Request, Tables, pretrain
from objectcrop.ssl.samples.images import ImageList, boxes_of_images
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.study.settings.runs import Run
from tests.ssl.conftest import OAC, make_tables, merged, tiny_run

NUM_STEPS = 30
ADAMW = {"optimizer": {"epochs": 15, "global_batch_size": 8, "name": "adamw", "learning_rate": 0.003}}
QUEUE = {"queue_length": 8, "batch_norm_group": 0}
METHODS = {
    # chosen by trial, then held against five seeds each: 8 negatives and 30 steps leave little to fall
    "moco_v2": {"moco": {**QUEUE, "momentum": 0.999}},
    "densecl": {"moco": {**QUEUE, "momentum": 0.999}},
    "byol": {"byol": {"hidden_dims": 32, "embedding_dims": 16, "target_momentum": 0.9}},
    "swav": {"swav": {"hidden_dims": 32, "embedding_dims": 16, "num_prototypes": 8, "frozen_prototype_steps": 4}},
    "cmc": {"cmc": {"embedding_dims": 16, "num_negatives": 16, "temperature": 0.2}},
    "insdis": {"insdis": {"embedding_dims": 16, "num_negatives": 16, "temperature": 0.5}},
}
PAIRS = {"scene": {}, "obj-dilate": {"views": OAC["views"]}}
LOSSES = {
    "none": {},
    "rotation": {"losses": {"rotation": 1.0}},
    "localization": {"losses": {"localization": 1.0, "patches": 3}},
    "both": {"losses": OAC["losses"]},
}


def changes_of(method: str, pair: str, losses: str) -> dict:
    """Return changes to the tiny run."""
    settings = merged(ADAMW, {"method": method})
    for changes in (METHODS[method], PAIRS[pair], LOSSES[losses]):
        settings = merged(settings, changes)
    return settings


def spread(backbone: Backbone, tables: Tables, run: Run) -> float:
    """Mean over axes of the deviation of unit features over images, times the root of their number: about 1 at most."""
    images = ImageList.of(tables.manifest, tables.data_root)
    samples = PairSamples(images, boxes_of_images(tables.proposals, images), run, 0.5, Seeds(0, 0))
    images = samples.__getitems__([(0, row) for row in range(len(images))]).query
    with torch.no_grad():
        features = torch.nn.functional.normalize(backbone.train().view(images).features, dim=1)
    return features.std(dim=0).mean().item() * features.shape[1] ** 0.5


@contextmanager
def same_views_in_every_epoch() -> Iterator[None]:
    """Thirty steps are few: with the same views again, a loss falls because it is descended, not by luck of the crops."""
    plan = PairSamples.plan
    with patch.object(PairSamples, "plan", lambda samples, key: plan(samples, (0, key[1]))):
        yield


class Outcome(NamedTuple):
    """What thirty steps did: the log, mean loss of steps 3 to 8 and of the last six, and the spread of features."""

    history: list[dict[str, float]]
    first: float
    last: float
    spread: float


def train_thirty_steps(tables: Tables, request: Request, folder: Path) -> Outcome:
    """Train with the same views in every epoch."""
    with same_views_in_every_epoch():
        pretrained = pretrain(request, tables, folder)
    history = pretrained.summary["history"]
    # the first two steps meet a queue of noise, which is easy to distinguish from an image
    first, last = (sum(row["loss"] for row in rows) / 6 for rows in (history[2:8], history[-6:]))
    return Outcome(history, first, last, spread(pretrained.backbone, tables, request.run))


def main() -> None:
    """Print a row for each method and pair, with a cell for each extra loss."""
    torch.set_num_threads(1)
    print("| method | views | " + " | ".join(LOSSES) + " |\n|---|---|" + "---|" * len(LOSSES))
    for method in METHODS:
        for pair in PAIRS:
            cells = []
            for losses in LOSSES:
                run = tiny_run(**changes_of(method, pair, losses))
                request = Request("scene-scene", run, Seeds(0, 1), num_threads=1)
                with tempfile.TemporaryDirectory() as folder:
                    outcome = train_thirty_steps(make_tables(Path(folder)), request, Path(folder) / "checkpoints")
                cells.append(f"{outcome.first:.2f} to {outcome.last:.2f}, {outcome.spread:.2f}")
            print(f"| {method} | {pair} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
