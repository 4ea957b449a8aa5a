"""Data sets: their manifests and annotations, what these are made from, and with which settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectcrop.study.jobs.images import DatasetJob, IndexImagesJob, PrepareImagesJob
from objectcrop.study.plan import paths
from objectcrop.study.plan.downloads import CHOICE, DownloadPlan
from objectcrop.study.settings.datasets import DrawnDataset, PreparedDataset, UnionDataset, raw_locations
from objectcrop.study.settings.subsets import OhmsDataset, ReleasedOhmsDataset, SubsetDataset
from objectcrop.study.study import Study

MOST_CORES = 8
IMAGES_PER_CORE = 2000
"""That one core decodes in half a minute or so."""


@dataclass(frozen=True)
class ImagePlan:
    """The data sets of one study."""

    study: Study

    @property
    def downloads(self) -> DownloadPlan:
        """What is downloaded."""
        return DownloadPlan(self.study)

    def selected_subsets(self) -> list[str]:
        """Return the names of the subsets that are selected by the rules of OHMS."""
        return [name for name, dataset in self.study.datasets.items() if isinstance(dataset, OhmsDataset)]

    def released_subsets(self) -> list[str]:
        """Return the names of the subsets that come from the authors' released lists."""
        return [name for name, dataset in self.study.datasets.items() if isinstance(dataset, ReleasedOhmsDataset)]

    def prepared(self) -> list[str]:
        """Return the names of the data sets whose images are smaller copies of another one's."""
        return [name for name, dataset in self.study.datasets.items() if isinstance(dataset, PreparedDataset)]

    def indexed(self) -> list[str]:
        """Return the names of the data sets whose images are opened where they are."""
        return [name for name in self.study.datasets if name not in self.prepared()]

    def copied_manifest(self, dataset: str) -> str:
        """Return the manifest of the data set that a prepared one is made of."""
        return self.manifest(self._copied(dataset))

    def prepare_job(self, dataset: str) -> PrepareImagesJob:
        """Return the job that prepares a data set."""
        return PrepareImagesJob.model_validate({"dataset_name": dataset, "dataset": self.study.datasets[dataset]})

    def _copied(self, dataset: str) -> str:
        settings = self.study.datasets[dataset]
        if not isinstance(settings, PreparedDataset):
            raise ValueError(f"datasets.{dataset} is not prepared")
        return settings.of

    def manifest(self, dataset: str) -> str:
        """Return the manifest of a data set."""
        return paths.MANIFEST.format(dataset=dataset)

    def annotations(self, dataset: str) -> str:
        """Return the annotations of a data set."""
        return paths.ANNOTATIONS.format(dataset=dataset)

    def base_annotations(self, dataset: str) -> str:
        """Return the annotations of the data set that a subset is selected from."""
        return self.annotations(self.downloads.base(dataset))

    def base_classes(self, dataset: str) -> str:
        """Return the classes of the data set that a subset is selected from."""
        return paths.CLASSES.format(dataset=self.downloads.base(dataset))

    def watched(self) -> list[tuple[Path, ...]]:
        """Return for each data set manifest, image files, annotations, the lists of what changed of both, and the data root."""
        made = paths.MANIFEST, paths.IMAGE_FILES, paths.ANNOTATIONS, paths.CHANGED_IMAGES, paths.CHANGED_ANNOTATIONS
        root = Path(self.study.data)
        return [(*(Path(path.format(dataset=name)) for path in made), root) for name in self.study.datasets]

    def cores(self, dataset: str) -> int:
        """Return the cores that draw or decode the images of a data set.

        Few for few images: a job that asks for more cores than any node has is never started.
        """
        match self.study.datasets[self.downloads.base(dataset)]:
            case DrawnDataset(num_train=train, num_validation=validation, num_test=test):
                return min(-(-(train + validation + test) // IMAGES_PER_CORE), MOST_CORES)
            case UnionDataset():  # its parts were decoded before
                return 1
            case PreparedDataset(of=copied):
                return self.cores(copied)
        return MOST_CORES

    def drawing(self, dataset: str) -> list[str]:
        """Return the summary of the drawing that a data set needs first, if it is drawn."""
        is_drawn = isinstance(self.study.datasets[dataset], DrawnDataset)
        return [paths.DRAWING.format(dataset=dataset)] if is_drawn else []

    def raw_files(self, dataset: str) -> list[str]:
        """Return annotation files under the data root that exist now: inputs, so that an edit of them is noticed."""
        root = Path(self.study.data)
        files = [root / location for location in raw_locations(self.study.datasets[dataset])]
        return [file.as_posix() for file in files if file.is_file()]

    def raw(self, dataset: str) -> list[str]:
        """Return what stands for the files of a data set: its drawing, its downloaded metadata, or those that exist now."""
        if self.downloads.of(dataset) is not None:
            return [self.downloads.metadata_record(dataset)]
        return self.drawing(dataset) + self.raw_files(dataset)

    def fetch_inputs(self, dataset: str) -> dict[str, list[str]]:
        """Return the files that state which images of a data set are fetched."""
        inputs = self.index_inputs(dataset)
        return {name: inputs[name] for name in ("subset", "annotations")}

    def index_inputs(self, dataset: str) -> dict[str, list[str]]:
        """Return what indexing the images of a data set needs."""
        inputs: dict[str, list[str]] = {"raw": [], "subset": [], "annotations": [], "parts": [], "part_files": []}
        settings = self.study.datasets[dataset]
        if isinstance(settings, UnionDataset):
            return inputs | {
                "parts": [self.manifest(part) for part in settings.parts],
                "part_files": [paths.IMAGE_FILES.format(dataset=part) for part in settings.parts],
            }
        if isinstance(settings, SubsetDataset):
            raw = self.drawing(settings.of) + self.downloads.shards(dataset)
            return inputs | {"raw": raw, "subset": [paths.SUBSET_IMAGES.format(dataset=dataset)]}
        if self.downloads.of(dataset) is not None:
            return inputs | {"raw": self.downloads.shards(dataset), "annotations": [self.annotations(dataset)]}
        return inputs | {"raw": self.raw(dataset)}

    def annotation_inputs(self, dataset: str) -> dict[str, list[str]]:
        """Return what reading the annotations of a data set needs."""
        inputs: dict[str, list[str]] = {"raw": [], "boxes": [], "boxes_classes": [], "parts": [], "part_classes": []}
        settings = self.study.datasets[dataset]
        if isinstance(settings, UnionDataset | PreparedDataset):
            read = settings.parts if isinstance(settings, UnionDataset) else (settings.of,)
            parts = {"parts": paths.ANNOTATIONS, "part_classes": paths.CLASSES}
            return inputs | {name: [path.format(dataset=part) for part in read] for name, path in parts.items()}
        if isinstance(settings, SubsetDataset):
            boxes, classes = (path.format(dataset=dataset) for path in (paths.SUBSET_BOXES, paths.SUBSET_CLASSES))
            return inputs | {"raw": self.drawing(settings.of), "boxes": [boxes], "boxes_classes": [classes]}
        return inputs | {"raw": self.raw(dataset)}

    def dataset_job(self, dataset: str) -> DatasetJob:
        """Return the job of one data set, with the one that it is selected from."""
        return DatasetJob.model_validate(self._with_base(dataset))

    def index_job(self, dataset: str) -> IndexImagesJob:
        """Return the job that indexes a data set; which of its images were downloaded matters if it is used directly."""
        settings = self._with_base(dataset)
        if self.downloads.of(dataset) is not None and self.downloads.base(dataset) == dataset:
            settings |= {"download": self.downloads.parts(dataset, CHOICE)}
        return IndexImagesJob.model_validate(settings)

    def _with_base(self, dataset: str) -> dict[str, Any]:
        settings: dict[str, Any] = {"dataset_name": dataset, "dataset": self.study.datasets[dataset]}
        base = self.downloads.base(dataset)
        return settings if base == dataset else settings | {"base_name": base, "base": self.study.datasets[base]}
