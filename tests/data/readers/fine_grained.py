"""Tiny copies of the layouts of fine-grained data sets, with images of 100 x 50 pixels."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 50), (90, 120, 150)).save(path)


def write_lists(folder: Path, lists: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in lists.items():
        (folder / name).write_text(text)


AIRCRAFT = {
    "images_box.txt": "0034309 1 1 100 30\n0034958 11 6 20 10\n0037511 2 2 3 3\n",
    "images_variant_trainval.txt": "0034958 707-320\n0034309 DHC-8-100\n",
    "images_variant_test.txt": "0037511 707-320\n",
    "images_manufacturer_trainval.txt": "0034958 Boeing\n0034309 de Havilland\n",
    "images_manufacturer_test.txt": "0037511 Boeing\n",
}


def write_aircraft(root: Path) -> Path:
    write_lists(root / "air", AIRCRAFT)
    for number in ("0034309", "0034958", "0037511"):
        draw(root / "air" / "images" / f"{number}.jpg")
    return root


CUB = {
    "images.txt": "1 001.Albatross/Albatross_0046.jpg\n2 002.Auk/Auk_0009.jpg\n",
    "classes.txt": "1 001.Albatross\n2 002.Auk\n",
    "image_class_labels.txt": "1 1\n2 2\n",
    "bounding_boxes.txt": "1 10.0 5.0 40.0 20.0\n2 0.0 0.0 100.0 50.0\n",
    "train_test_split.txt": "1 1\n2 0\n",
}


def write_cub(root: Path) -> Path:
    write_lists(root / "birds", CUB)
    for line in CUB["images.txt"].splitlines():
        draw(root / "birds" / "images" / line.split()[1])
    return root


CAR_FIELDS = [(f"bbox_{side}", object) for side in ("x1", "y1", "x2", "y2")] + [("class", object), ("fname", object)]
CARS = {
    "devkit/cars_train_annos.mat": [(1, 1, 100, 50, 2, "00001.jpg"), (11, 6, 20, 10, 1, "00002.jpg")],
    "cars_test_annos_withlabels.mat": [(2, 2, 3, 3, 2, "00001.jpg")],
}


def write_annotations(path: Path, rows: list[tuple], *, fields: list[tuple] = CAR_FIELDS) -> None:
    savemat(path, {"annotations": np.array(rows, dtype=fields).reshape(1, -1)})


def write_cars(root: Path) -> Path:
    folder = root / "cars"
    (folder / "devkit").mkdir(parents=True)
    names = np.array(["Acura TL Sedan 2012", "Audi TT RS Coupe 2012"], dtype=object)
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": names.reshape(1, -1)})
    for name, rows in CARS.items():
        write_annotations(folder / name, rows)
    for name in ("cars_train/00001.jpg", "cars_train/00002.jpg", "cars_test/00001.jpg"):
        draw(folder / name)
    return root
