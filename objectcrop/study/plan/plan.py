"""The plan of a study, stage by stage: which files it is made of, and which of them each job needs.

Rules ask it directly, through `of` in rules/common.smk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from objectcrop.study.loading import StudyError, examine
from objectcrop.study.plan.classes import ClassPlan
from objectcrop.study.plan.costs import CostPlan
from objectcrop.study.plan.downloads import DownloadPlan
from objectcrop.study.plan.gpus import GpuPlan
from objectcrop.study.plan.images import ImagePlan
from objectcrop.study.plan.lineage import LineagePlan
from objectcrop.study.plan.lod import LodPlan
from objectcrop.study.plan.needs import NeedPlan
from objectcrop.study.plan.proposals import ProposalPlan
from objectcrop.study.plan.report import ReportPlan
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.study import Study


@dataclass(frozen=True)
class Plan:
    """One study and its stages."""

    study: Study

    @cached_property
    def downloads(self) -> DownloadPlan:
        """What is fetched."""
        return DownloadPlan(self.study)

    @cached_property
    def images(self) -> ImagePlan:
        """Data sets: their manifests and annotations."""
        return ImagePlan(self.study)

    @cached_property
    def trunks(self) -> TrunkPlan:
        """Networks that proposals are made from."""
        return TrunkPlan(self.study)

    @cached_property
    def lod(self) -> LodPlan:
        """LOD's stages."""
        return LodPlan(self.study)

    @cached_property
    def proposals(self) -> ProposalPlan:
        """Proposals of any source."""
        return ProposalPlan(self.study)

    @cached_property
    def runs(self) -> RunPlan:
        """Pretraining."""
        return RunPlan(self.study)

    @cached_property
    def results(self) -> ResultPlan:
        """Tasks and tables."""
        return ResultPlan(self.study)

    @cached_property
    def classes(self) -> ClassPlan:
        """The analysis of classes."""
        return ClassPlan(self.study)

    @cached_property
    def costs(self) -> CostPlan:
        """What the study costs."""
        return CostPlan(self.study)

    @cached_property
    def report(self) -> ReportPlan:
        """The page."""
        return ReportPlan(self.study)

    @cached_property
    def lineage(self) -> LineagePlan:
        """How each file is made."""
        return LineagePlan(self.study)

    @cached_property
    def needs(self) -> NeedPlan:
        """What must be under the data root."""
        return NeedPlan(self.study)

    @cached_property
    def gpus(self) -> GpuPlan:
        """What the machine must have."""
        return GpuPlan(self.study)


def load_plan(config: Mapping[str, Any], files: Sequence[Any] = ()) -> Plan:
    """Return the plan of a merged config; files under the data root need not be there, as a dry run plans without them.

    Args:
        config: merged.
        files: that it was read from, for messages.

    Raises:
        StudyError: listing every problem of the config, and then also every missing file or folder.
    """
    study, problems, has_data_root = examine(config)
    if study is not None and problems and has_data_root:
        problems += Plan(study).needs.problems()
    if study is None or problems:
        raise StudyError(problems, files)
    return Plan(study)
