"""Which reduction lets the supervised loss train; prints a table and writes benchmarks/results/supervised_loss.json.

Two measurements for decision 0009. `gradient`: length of the trunk's gradient before any step, binary cross-entropy of 208
classes over softmax cross-entropy of as many, random images and labels. `trial`: a short training on drawn scenes of 24
classes at the paper's rate, scaled linearly to the batch; test mAP of the network's own linear layer. Some twenty minutes on one
core (`--seeds 0` for one seed).
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch
from results_parts.record import record
from torch import Tensor
from torch.nn import functional as F

from objectcrop.data.drawn.dataset import draw_dataset
from objectcrop.data.manifest import index_images
from objectcrop.data.readers.openimages import drawn_layout, list_openimages, read_openimages_boxes
from objectcrop.evaluate.average_precision import macro_map
from objectcrop.networks.backbones import seeded_weights
from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods import supervised
from objectcrop.ssl.methods.method import Setup
from objectcrop.ssl.methods.supervised import Supervised, count_label_rates
from objectcrop.ssl.pretraining import Request, Tables, pretrain
from objectcrop.ssl.samples.images import ImageList
from objectcrop.ssl.samples.labelled import labels_by_image
from objectcrop.ssl.training.checkpoints import saved_states
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.runs import Run
from objectcrop.views.batches import LabelledBatch

BATCH, SIDE, EPOCHS = 64, 48, 10
PAPER_RATE, PAPER_BATCH = 0.015, 128
SCENES = DrawnDataset(
    source="drawn", num_train=3000, num_test=600, width_px=96, height_px=96, num_classes=24, max_objects=3,
    mean_objects=2, object_sizes="large", clutter=0.0,
)  # fmt: skip
RUN = Run.model_validate(
    {
        "dataset": "scenes",
        "method": "supervised",
        "backbone": {"arch": "resnet18", "width": 0.25},
        "views": {"size_px": SIDE},
        "optimizer": {
            "learning_rate": PAPER_RATE * BATCH / PAPER_BATCH,
            "global_batch_size": BATCH,
            "epochs": EPOCHS,
            "precision": "float32",
        },
        "training": {"monitor_every_epochs": 0},
    }
)
ALONE = World(0, 1, torch.device("cpu"))


def mean_over_classes(logits: Tensor, labels: Tensor) -> Tensor:
    if labels.dim() == 1:
        return F.cross_entropy(logits, labels)
    return F.binary_cross_entropy_with_logits(logits, labels.float())


CHOICES = {
    "mean over classes, drawn biases": (mean_over_classes, False),
    "sum over classes, drawn biases": (supervised.label_loss, False),
    "sum over classes, biases at the labels' log-odds": (supervised.label_loss, True),
}


@contextmanager
def chosen(name: str) -> Iterator[None]:
    loss, has_rates = CHOICES[name]
    rates = count_label_rates if has_rates else lambda labels: None
    with patch.object(supervised, "label_loss", loss), patch.object(supervised, "count_label_rates", rates):
        yield


def gradient(labels: Tensor) -> float:
    with seeded_weights(0):
        network = Supervised(Setup(RUN, Seeds(0, 0), ALONE, len(labels), labels))
    rng = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (len(labels), SIDE, SIDE, 3), dtype=torch.uint8, generator=rng)
    network.step_losses(LabelledBatch(images, labels, torch.arange(len(labels))), 0).total.backward()
    return torch.stack([value.grad.norm() for value in network.backbone.parameters()]).norm().item()


def gradient_ratio(per_image: int) -> float:
    rng = torch.Generator().manual_seed(2)
    probabilities = (1 / torch.arange(1, 209).float()).expand(BATCH, -1)
    places = torch.multinomial(probabilities, per_image, generator=rng)
    many = torch.zeros(BATCH, 208, dtype=torch.uint8).scatter_(1, places, 1)
    return gradient(many) / gradient(places[:, 0])


def draw(root: Path) -> tuple[Tables, ImageList, np.ndarray]:
    draw_dataset("scenes", SCENES, root)
    layout = drawn_layout("scenes", SCENES)
    manifest = index_images(list_openimages(layout, root), root).manifest
    boxes = {split: read_openimages_boxes(root / layout.boxes[split], split) for split in ("train", "test")}
    tests = ImageList.of(manifest.assign(split=manifest["split"].map({"test": "train", "train": "test"})), root)
    labels, _ = labels_by_image(boxes["test"], tests)
    return Tables(manifest, root, boxes["train"]), tests, labels.numpy() > 0


def trial(seed: int, tables: Tables, tests: ImageList, labels: np.ndarray, folder: Path) -> dict[str, float]:
    trained = pretrain(Request("trial", RUN, Seeds(0, seed)), tables, folder)
    state = torch.load(saved_states(folder)[0], weights_only=True)["method"]
    no_labels = torch.zeros(1, SCENES.num_classes)
    network = Supervised(Setup(RUN, Seeds(0, seed), ALONE, 1, no_labels))
    network.load_state_dict(state)
    network.eval()
    images = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in tests.paths]
    squares = np.stack([cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for image in images])
    with torch.no_grad():
        scores = torch.cat(
            [network.network.fc(network.backbone.view(part).features) for part in torch.from_numpy(squares).split(200)]
        )
    return {"test_map": 100 * macro_map(scores.numpy(), labels), "seconds": trained.summary["cost"]["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="of trials; none leaves these out")
    seeds = parser.parse_args().seeds
    rows = []

    def add(name: str, value: float, unit: str) -> None:
        rows.append({"name": name, "value": value, "unit": unit})
        print(f"{name:90} {value:8.3f} {unit}", flush=True)

    for name in CHOICES:
        for per_image in (2, 4, 8):
            with chosen(name):
                add(
                    f"gradient, {name}, {per_image} labels an image", gradient_ratio(per_image), "times cross-entropy's"
                )
    with tempfile.TemporaryDirectory() as root:
        drawn = draw(Path(root))
        for seed in seeds:
            for name in CHOICES:
                with chosen(name), tempfile.TemporaryDirectory() as folder:
                    result = trial(seed, *drawn, Path(folder) / "c")
                add(f"trial, {name}, seed {seed}, mAP", result["test_map"], "%")
                add(f"trial, {name}, seed {seed}, time", result["seconds"], "s")
        add("trial, share of labels that are positive (mAP of a guess)", 100 * float(drawn[2].mean()), "%")
    result = {
        "conditions": f"{torch.get_num_threads()} thread",
        "versions": {"torch": version("torch")},
        "command": " ".join(["OMP_NUM_THREADS=1 python benchmarks/supervised_loss.py", *sys.argv[1:]]),
        "rows": rows,
        "ratios": {},
    }
    record("supervised_loss", result)


if __name__ == "__main__":
    main()
