"""Jobs that compute features of images, or make proposals."""

from objectcrop.study.jobs.job import Job
from objectcrop.study.jobs.lod import LodJob
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.proposals import MaskCutProposals, ProposalSource, Searched, SearchedProposals
from objectcrop.study.settings.section import Name


class ExtractFeaturesJob(LodJob):
    """Extract the features of images; `backbone` is that of the run whose weights are used, if it is one."""

    backbone: BackboneSettings | None
    study_seed: int


class SourceJob(Job):
    """Search the images of a source, join its shards, or make it in one step."""

    source_name: Name
    source: ProposalSource
    study_seed: int
    backbone: BackboneSettings | None = None

    @property
    def searched(self) -> Searched | MaskCutProposals:
        """The source, which must be one that searches each image.

        Raises:
            ValueError: if it does not.
        """
        if not isinstance(self.source, SearchedProposals):
            raise ValueError(f"proposals of kind {self.source.kind} are not made by a search of each image")
        return self.source


class SheetJob(Job):
    """Draw images with the proposals of a source."""

    dataset_name: Name
    source_name: Name
    study_seed: int
