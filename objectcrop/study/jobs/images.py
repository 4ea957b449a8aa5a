"""Jobs that make data sets: drawing, downloads, indexing, annotations, subsets."""

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.datasets import Dataset, DrawnDataset, OpenImagesDataset, PreparedDataset
from objectcrop.study.settings.downloads import Download
from objectcrop.study.settings.section import Name
from objectcrop.study.settings.subsets import OhmsDataset, ReleasedOhmsDataset


class DatasetJob(Job):
    """One data set, and for a subset the one that it is selected from."""

    dataset_name: Name
    dataset: Dataset
    base_name: Name | None = None
    base: Dataset | None = None


class DrawScenesJob(DatasetJob):
    """Draw the scenes of a data set."""

    dataset: DrawnDataset


class IndexImagesJob(DatasetJob):
    """Open every image of a data set; `download` chooses those that were fetched."""

    download: Download | None = None


class PrepareImagesJob(DatasetJob):
    """Write smaller copies of the images of another data set."""

    dataset: PreparedDataset


class SelectOhmsJob(DatasetJob):
    """Select a subset by the rules of OHMS."""

    dataset: OhmsDataset


class ConvertReleasedJob(DatasetJob):
    """Convert the authors' released lists into a subset."""

    dataset: ReleasedOhmsDataset


class DownloadMetadataJob(Job):
    """Fetch the box CSVs and class descriptions of a data set."""

    dataset_name: Name
    dataset: OpenImagesDataset
    download: Download


class FetchImagesJob(DownloadMetadataJob):
    """Fetch the images of a data set."""

    max_unreadable_share: float
