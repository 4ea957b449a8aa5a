"""Which proposals find the objects of the photographs of presets/minis_lod.yaml, and why: tables from the files that it left.

Run that preset first, here or elsewhere. Prints Markdown; everything is measured on the images that have annotated boxes.
Searches need no other images, so the preset makes their boxes on a data set of these alone: the tables have both.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from objectcrop.boxes import area, as_boxes, iou
from objectcrop.proposals.lod.shards import read_arrays
from objectcrop.proposals.quality.intervals import Shares, intervals
from objectcrop.proposals.quality.measure import MET, images_to_measure, measure
from objectcrop.proposals.quality.metrics import Image, best_overlaps, corloc, detection_rate
from objectcrop.proposals.table import training_sizes
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table


class Study:
    """The files of data sets with the same annotated images, measured in the order of the first one's annotations."""

    def __init__(self, results: Path, datasets: list[str]) -> None:
        self.results, self.dataset = results, datasets[0]
        self.sizes = training_sizes(read_table(results / "images" / self.dataset / "manifest.parquet", MANIFEST))
        self.annotations = self._annotations(self.dataset)
        kept = self.annotations[~self.annotations["is_crowd"] & self.annotations["image_id"].isin(list(self.sizes))]
        self.by_image = {str(name): rows for name, rows in kept.groupby("image_id", sort=False)}
        for other in datasets[1:]:
            if not self._annotations(other).equals(self.annotations):
                raise ValueError(f"{other} has other annotations than {self.dataset}: measure it by itself")
        self._files = {
            path.stem: path for dataset in datasets for path in (results / "proposals" / dataset).glob("*.parquet")
        }

    def _annotations(self, dataset: str) -> pd.DataFrame:
        return read_table(self.results / "annotations" / f"{dataset}.parquet", ANNOTATIONS)

    def sources(self) -> list[str]:
        """All that were made."""
        return sorted(self._files)

    def proposals(self, source: str) -> pd.DataFrame:
        """PROPOSALS of a source."""
        return read_table(self._files[source], PROPOSALS)

    def images(self, source: str) -> list[Image]:
        """Its boxes beside the objects."""
        return images_to_measure(self.proposals(source), self.annotations, self.sizes)


def percent(value: float, ends: tuple[float, float] | None = None) -> str:
    interval = f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})" if ends else ""
    return f"{100 * value:.1f}{interval}"


def main_table(study: Study) -> None:
    print("| source | CorLoc % | DetRate % | small | medium | large | mABO % | AP50 % | boxes | mean area share |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for source in study.sources():
        metrics = measure(study.proposals(source), study.annotations, study.sizes)
        ends, by_size = metrics["intervals"], metrics["by_object_size"]
        sizes = " | ".join(percent(by_size[name]["det_rate"]) for name in ("small", "medium", "large"))
        print(
            f"| {source} | {percent(metrics['corloc'], ends['corloc'])} | {percent(metrics['det_rate'], ends['det_rate'])} "
            f"| {sizes} | {percent(metrics['mabo'])} | {100 * metrics['ap50']:.2f} "
            f"| {metrics['mean_boxes']:.1f} | {metrics['mean_area_share']:.2f} |"
        )


def paired(study: Study, source: str, others: list[str]) -> None:
    """Differences on the same images, which are surer than the two intervals beside each other."""
    print("| minus | CorLoc, points | DetRate, points |\n|---|---|---|")
    ours = study.images(source)
    for other in others:
        theirs = study.images(other)
        gains = {"corloc": _first(ours) - _first(theirs), "det_rate": _met(ours) - _met(theirs)}
        weights = {"corloc": np.ones(len(ours)), "det_rate": np.array([len(image.objects) for image in ours], float)}
        ends = intervals({name: Shares(gains[name], weights[name]) for name in gains})
        values = {name: gains[name].sum() / weights[name].sum() for name in gains}
        print(f"| {source} - {other} | " + " | ".join(percent(values[name], ends[name]) for name in gains) + " |")


def _first(images: list[Image]) -> np.ndarray:
    return np.array([best_overlaps(image, 1).max() >= MET for image in images], dtype=np.float64)


def _met(images: list[Image]) -> np.ndarray:
    return np.array([(best_overlaps(image) >= MET).sum() for image in images], dtype=np.float64)


def groups(study: Study) -> dict[str, np.ndarray]:
    """Images by what may matter: partners that show the same, size and place of the largest object."""
    largest, classes = [], []
    for rows in study.by_image.values():
        boxes = as_boxes(rows[["x1", "y1", "x2", "y2"]].to_numpy())
        largest.append(boxes[np.argmax(area(boxes))])
        classes.append(set(rows["class_id"]))
    counts: dict[str, int] = {}
    for class_ids in classes:
        for name in class_ids:
            counts[name] = counts.get(name, 0) + 1
    partners = np.array([max(counts[name] for name in class_ids) - 1 for class_ids in classes])
    share = area(np.array(largest))
    central = iou(np.array(largest), as_boxes([[0.1877, 0.1877, 0.8123, 0.8123]]))[:, 0]
    return {
        "largest object below 10% of the image": share < 0.1,
        "10 to 30%": (share >= 0.1) & (share < 0.3),
        "30% or more": share >= 0.3,
        "largest object meets the centre box": central >= MET,
        "it does not": central < MET,
        "at most 10 other annotated images share a class": partners <= 10,
        "more than 10 do": partners > 10,
    }


def by_group(study: Study, sources: list[str]) -> None:
    print("| images | number | " + " | ".join(sources) + " |\n|---|---" + "|---" * len(sources) + "|")
    images = {source: study.images(source) for source in sources}
    for name, chosen in groups(study).items():
        cells = []
        for source in sources:
            own = [image for image, is_in in zip(images[source], chosen, strict=True) if is_in]
            cells.append(f"{percent(corloc(own))} / {percent(detection_rate(own))}")
        print(f"| {name} | {int(chosen.sum())} | " + " | ".join(cells) + " |")


def by_neighbours(study: Study, source: str, others: list[str]) -> None:
    """LOD beside baselines by how many of an image's annotated neighbours share a class with it."""
    ids, neighbours = read_arrays(
        study.results / "lod" / study.dataset / source / "neighbours.npz", "image_ids", "neighbours"
    )
    place = {str(name): index for index, name in enumerate(ids)}
    classes = {name: set(rows["class_id"]) for name, rows in study.by_image.items()}
    shares = []
    for name, own in classes.items():
        near = [str(ids[index]) for index in neighbours[place[name]]]
        shares.append(sum(bool(own & classes[other]) for other in near if other in classes))
    like = np.array(shares)
    annotated = sum(str(ids[index]) in classes for name in classes for index in neighbours[place[name]])
    print(f"{annotated / len(classes):.1f} of {neighbours.shape[1]} neighbours are annotated on average.\n")
    sources = [source, *others]
    print("| annotated neighbours of a shared class | number | " + " | ".join(sources) + " |")
    print("|---|---" + "|---" * len(sources) + "|")
    images = {name: study.images(name) for name in sources}
    for label, chosen in {"none": like == 0, "1 or 2": (like > 0) & (like < 3), "3 or more": like >= 3}.items():
        cells = [
            percent(corloc([image for image, is_in in zip(images[name], chosen, strict=True) if is_in]))
            for name in sources
        ]
        print(f"| {label} | {int(chosen.sum())} | " + " | ".join(cells) + " |")


def what_is_first(study: Study, sources: list[str]) -> None:
    """Print size and place of the first boxes, and how often they are (nearly) the whole image."""
    print("| source | first box: mean share | median share | IoU with centre box | covers 80% or more |")
    print("|---|---|---|---|---|")
    for source in sources:
        first = np.concatenate([image.proposals[:1] for image in study.images(source)])
        share, central = area(first), iou(first, as_boxes([[0.1877, 0.1877, 0.8123, 0.8123]]))[:, 0]
        print(
            f"| {source} | {share.mean():.2f} | {np.median(share):.2f} | {central.mean():.2f} "
            f"| {percent((share >= 0.8).mean())}% |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the results")
    parser.add_argument(
        "--dataset", nargs="+", default=["photographs", "annotated"], help="data sets with the same annotated images"
    )
    args = parser.parse_args()
    study = Study(args.results, args.dataset)
    sources = study.sources()
    print(f"{len(study.by_image)} images with {sum(map(len, study.by_image.values()))} objects\n")
    main_table(study)
    baselines = [name for name in ("random", "grid", "centre") if name in sources]
    searches = [name for name in sources if name.startswith(("edge", "selective"))]
    ranked = [name for name in sources if name.startswith("lod")]
    for source in ranked:
        print(f"\n## {source} against the others, same images\n")
        paired(study, source, [*baselines, *searches])
    print("\n## By kind of image: CorLoc / DetRate %\n")
    by_group(study, [*ranked, *baselines])
    for source in ranked:
        if (study.results / "lod" / study.dataset / source / "neighbours.npz").is_file():
            print(f"\n## By neighbours of {source}: CorLoc %\n")
            by_neighbours(study, source, baselines)
    print("\n## First boxes\n")
    what_is_first(study, sources)


if __name__ == "__main__":
    main()
