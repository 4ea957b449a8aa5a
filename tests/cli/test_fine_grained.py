"""Aircraft, birds and cars: from the files of each release through index and annotations to the top-1 of a probe."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from objectcrop.evaluate.linear.scores import read_scores
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import read_json
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded
from tests.data.readers.fine_grained import write_annotations, write_lists
from workflow_scripts.evaluate_linear import main as evaluate_linear
from workflow_scripts.index_images import main as index_images
from workflow_scripts.read_annotations import main as read_annotations

pytestmark = pytest.mark.usefixtures("one_thread")

BACKBONE = BackboneSettings(arch="resnet18", width=0.125)
RUN = recorded(Run(dataset="d", method="random_init", backbone=BACKBONE))
TASK = {"kind": "linear", "dataset": "d", "labels": "single", "size_px": 32, "resize_px": 32, "batch_size": 4}
TASK |= {
    "epochs": 20,
    "decay_epochs": [],
    "learning_rates": [1.0],
    "held_out_share": 0,
    "cached_views": 1,
    "precision": "float32",
}
COLOURS = ((220, 40, 30), (30, 60, 220))
TRAIN, TEST = range(8), range(8, 12)
"""Numbers of the images; even ones are of the first class, odd ones of the second."""


def draw(path, number):
    """A noisy image in the colour of its class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).integers(-25, 26, size=(40, 60, 3))
    Image.fromarray((np.array(COLOURS[number % 2]) + noise).clip(0, 255).astype(np.uint8)).save(path)


def write_aircraft(root):
    names = ("707-320", "DHC-8-100")
    folder, lists = root / "air", {"images_box.txt": "".join(f"{n:07d} 1 1 60 30\n" for n in (*TRAIN, *TEST))}
    for name, numbers in (("trainval", TRAIN), ("test", TEST)):
        lists[f"images_variant_{name}.txt"] = "".join(f"{n:07d} {names[n % 2]}\n" for n in numbers)
    write_lists(folder, lists)
    for number in (*TRAIN, *TEST):
        draw(folder / "images" / f"{number:07d}.jpg", number)
    return {"source": "fgvc_aircraft", "folder": "air"}, names


def write_cub(root):
    names, folder = ("001.Albatross", "002.Auk"), root / "birds"
    numbers = (*TRAIN, *TEST)
    files = {n: f"{names[n % 2]}/bird_{n}.jpg" for n in numbers}
    rows = {
        "images.txt": lambda n: files[n],
        "image_class_labels.txt": lambda n: n % 2 + 1,
        "bounding_boxes.txt": lambda n: "0.0 0.0 60.0 40.0",
        "train_test_split.txt": lambda n: int(n in TRAIN),
    }
    lists = {name: "".join(f"{n + 1} {value(n)}\n" for n in numbers) for name, value in rows.items()}
    write_lists(folder, lists | {"classes.txt": "".join(f"{n} {name}\n" for n, name in enumerate(names, start=1))})
    for number in numbers:
        draw(folder / "images" / files[number], number)
    return {"source": "cub", "folder": "birds"}, names


def write_cars(root):
    names, folder = ("Acura TL Sedan 2012", "Audi TT RS Coupe 2012"), root / "cars"
    (folder / "devkit").mkdir(parents=True)
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": np.array(names, dtype=object).reshape(1, -1)})
    for split, file, numbers in (
        ("train", "devkit/cars_train_annos.mat", TRAIN),
        ("test", "cars_test_annos_withlabels.mat", TEST),
    ):
        write_annotations(folder / file, [(1, 1, 60, 40, n % 2 + 1, f"{n:05d}.jpg") for n in numbers])
        for number in numbers:
            draw(folder / f"cars_{split}" / f"{number:05d}.jpg", number)
    return {"source": "stanford_cars", "folder": "cars"}, names


@pytest.mark.parametrize("write", [write_aircraft, write_cub, write_cars])
def test_a_fine_grained_data_set_feeds_a_probe_that_names_the_classes_of_its_test_images(tmp_path, write):
    root = tmp_path / "data"
    dataset, names = write(root)
    settings = ["--settings", json.dumps({"dataset_name": "d", "dataset": dataset}), "--data-root", str(root)]

    def files(**options):
        return [word for name, file in options.items() for word in (f"--{name}", str(tmp_path / file))]

    index_images([*settings, *files(out="manifest.parquet", files="files.parquet", unreadable="unreadable.json")])
    read_annotations([*settings, *files(out="annotations.parquet", classes="classes.parquet")])
    with seeded_weights(0):
        save_backbone(build_backbone(BACKBONE), tmp_path / "b.safetensors", {})
    job = {"run_name": "r", "run": RUN, "task_name": "top1", "task": TASK, "study_seed": 0}
    inputs = files(manifest="manifest.parquet", annotations="annotations.parquet", backbone="b.safetensors")
    outputs = files(out="top1.json", scores="top1.npz")
    evaluate_linear(
        [
            "--settings",
            json.dumps(job),
            "--seed",
            "0",
            "--data-root",
            str(root),
            "--checkpoints",
            str(tmp_path / "states"),
            *inputs,
            *outputs,
        ]
    )
    result = read_json(tmp_path / "top1.json")
    assert result["metrics"]["top1"] == 100
    assert set(result["per_class"].values()) == {100}
    scores = read_scores(tmp_path / "top1.npz")
    assert scores.labels.sum(axis=1).tolist() == [1] * len(TEST)
    assert result["per_class"].keys() == set(names)
