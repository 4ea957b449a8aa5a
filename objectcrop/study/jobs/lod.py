"""Jobs of LOD's stages after the features."""

from typing import Literal

from objectcrop.study.jobs.job import Job
from objectcrop.study.settings.proposals import LodProposals
from objectcrop.study.settings.section import Name


class LodJob(Job):
    """One stage of LOD, with the settings that it depends on; the others are left to their defaults."""

    lod: LodProposals


class SelectProposalsJob(LodJob):
    """Select the best regions of every image."""

    source_name: Name
    rank_by: Literal["walk", "degree"]
