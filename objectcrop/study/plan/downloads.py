"""What a study downloads: the files of the download rules and their settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from objectcrop.study.jobs.images import DownloadMetadataJob, FetchImagesJob
from objectcrop.study.plan import paths
from objectcrop.study.settings.datasets import OpenImagesDataset
from objectcrop.study.settings.downloads import Download
from objectcrop.study.settings.section import recorded, sorted_json
from objectcrop.study.settings.subsets import SubsetDataset
from objectcrop.study.study import Study

CHOICE = ("max_images", "sampling", "seed")
"""Settings of a download that say which images a data set has, if it is used directly."""


@dataclass(frozen=True)
class DownloadPlan:
    """The downloads of one study."""

    study: Study

    def base(self, dataset: str) -> str:
        """Return the data set whose folders hold the images: that of a subset is the one it is selected from."""
        settings = self.study.datasets[dataset]
        return settings.of if isinstance(settings, SubsetDataset) else dataset

    def of(self, dataset: str) -> Download | None:
        """Return the download of a data set, or of the one that it is selected from; None if its files are there already."""
        settings = self.study.datasets[self.base(dataset)]
        return settings.download if isinstance(settings, OpenImagesDataset) else None

    def with_metadata(self) -> list[str]:
        """Return the data sets whose metadata is downloaded."""
        return [name for name in self.with_images() if self.base(name) == name]

    def with_images(self) -> list[str]:
        """Return the data sets whose images are downloaded: with metadata to download, and subsets of such."""
        return [name for name in self.study.datasets if self.of(name) is not None]

    def metadata_record(self, dataset: str) -> str:
        """Return the record of what was downloaded of a data set's metadata."""
        return paths.METADATA.format(dataset=self.base(dataset))

    def shards(self, dataset: str) -> list[str]:
        """Return the records of fetched images of a data set, by shard; nothing if they are there already."""
        download = self.of(dataset)
        count = 0 if download is None else download.num_shards
        return paths.by_shard(paths.FETCHED_IMAGES, count, dataset=dataset)

    def metadata_job(self, dataset: str) -> DownloadMetadataJob:
        """Return the job that downloads metadata; it does not hold from where, so that another source reruns nothing."""
        base = self.study.datasets[self.base(dataset)]
        download = self.parts(dataset, ("version", "image_ids", "upstream_splits", "metadata"))
        return DownloadMetadataJob.model_validate({"dataset_name": dataset, "dataset": base, "download": download})

    def image_job(self, dataset: str) -> FetchImagesJob:
        """Return the job that downloads images: which ones, and the share of them that may be missing.

        Raises:
            ValueError: if it is not downloaded.
        """
        settings = self.study.datasets[dataset]
        if not isinstance(settings, OpenImagesDataset | SubsetDataset):
            raise ValueError(f"datasets.{dataset} has no download")
        choice = CHOICE if self.base(dataset) == dataset else ()  # of a subset all images are fetched
        job = {
            "dataset_name": dataset,
            "dataset": self.study.datasets[self.base(dataset)],
            "download": self.parts(dataset, ("num_shards", "upstream_splits", *choice)),
            "max_unreadable_share": settings.max_unreadable_share,
        }
        return FetchImagesJob.model_validate(job)

    def transfer(self, dataset: str) -> str:
        """Return from where a data set is downloaded, and how patiently.

        Raises:
            ValueError: if it is not.
        """
        return sorted_json(self._required(dataset).transfer.model_dump(mode="json"))

    def parts(self, dataset: str, keys: Iterable[str]) -> dict[str, Any]:
        """Return only those settings of a download that a job depends on."""
        settings = recorded(self._required(dataset))
        return {key: settings[key] for key in keys}

    def _required(self, dataset: str) -> Download:
        if (download := self.of(dataset)) is None:
            raise ValueError(f"datasets.{dataset} has no download")
        return download
