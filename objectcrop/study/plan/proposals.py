"""Proposals of any source: the files they are made from, the settings, and what their making asks for."""

from dataclasses import dataclass
from typing import Any

from objectcrop.study.jobs.inspection import InspectionJob
from objectcrop.study.jobs.proposals import SheetJob, SourceJob
from objectcrop.study.plan import paths
from objectcrop.study.plan.attempts import growing
from objectcrop.study.plan.lod import LodPlan
from objectcrop.study.plan.memory import LINES, num_indexed
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.settings.inspection import InspectionSettings
from objectcrop.study.settings.proposals import (
    CentreProposals,
    DegreeProposals,
    FeatureProposals,
    GridProposals,
    GroundTruthProposals,
    RandomProposals,
    SearchedProposals,
)
from objectcrop.study.study import Study


@dataclass(frozen=True)
class ProposalPlan:
    """The proposals of one study."""

    study: Study

    @property
    def lod(self) -> LodPlan:
        """LOD's stages."""
        return LodPlan(self.study)

    @property
    def trunks(self) -> TrunkPlan:
        """The networks that sources take features from."""
        return TrunkPlan(self.study)

    def searched_sources(self) -> list[str]:
        """Return the names of the sources that search each image by itself."""
        return [name for name, source in self.study.proposals.items() if isinstance(source, SearchedProposals)]

    def other_sources(self) -> list[str]:
        """Return the names of the sources that are made in one step."""
        taken = {*self.lod.ranked_sources(), *self.searched_sources()}
        return [name for name in self.study.proposals if name not in taken]

    def table(self, dataset: str, source: str) -> str:
        """Return the proposals of a source on a data set."""
        return paths.PROPOSALS.format(dataset=dataset, source=source)

    def summary(self, dataset: str, source: str) -> str:
        """Return the summary of the proposals of a source on a data set."""
        return paths.PROPOSALS_SUMMARY.format(dataset=dataset, source=source)

    def searched_shards(self, dataset: str, source: str) -> list[str]:
        """Return the tables of all shards of a source that searches images.

        Raises:
            ValueError: if the source is of another kind.
        """
        settings = self.study.proposals[source]
        if not isinstance(settings, SearchedProposals):
            raise ValueError(f"proposals.{source} is of kind {settings.kind}: it is not searched for in shards")
        return paths.by_shard(paths.SEARCHED_BOXES, settings.num_shards, dataset=dataset, source=source)

    def annotations(self, dataset: str, source: str) -> list[str]:
        """Return annotations, for a source of annotated boxes only."""
        is_annotated = isinstance(self.study.proposals[source], GroundTruthProposals)
        return [paths.ANNOTATIONS.format(dataset=dataset)] if is_annotated else []

    def sizes(self, dataset: str, source: str) -> list[str]:
        """Return the proposals whose box sizes a random source copies, if it is one."""
        settings = self.study.proposals[source]
        return [self.table(dataset, settings.sizes_of)] if isinstance(settings, RandomProposals) else []

    def job(self, source: str) -> SourceJob:
        """Return the job of a source that is searched for, or made in one step."""
        settings = self.study.proposals[source]
        job: dict[str, Any] = {"source_name": source, "source": settings, "study_seed": self.study.seed}
        if isinstance(settings, FeatureProposals):
            job["backbone"] = self.trunks.backbone(source)
        return SourceJob.model_validate(job)

    def sheet_job(self, dataset: str, source: str) -> SheetJob:
        """Return the job that draws a contact sheet."""
        return SheetJob(dataset_name=dataset, source_name=source, study_seed=self.study.seed)

    def inspection_job(self, dataset: str, source: str) -> InspectionJob:
        """Return the job of a FiftyOne data set: which proposals, and the run whose crops are drawn if it uses this source."""
        inspection = self.study.inspection or InspectionSettings()
        job = {"dataset_name": dataset, "source_name": source, "inspection": inspection, "study_seed": self.study.seed}
        if inspection.run is not None and self.study.runs[inspection.run].views.proposals == source:
            job |= {"run_name": inspection.run, "run": self.study.runs[inspection.run]}
        return InspectionJob.model_validate(job)

    def gpus(self, source: str) -> int:
        """Return the GPUs of each job of a source that uses a network or compares descriptors."""
        settings = self.study.proposals[source]
        return settings.gpus if isinstance(settings, FeatureProposals) else 0

    def boxes_per_image(self, source: str) -> int:
        """Return how many boxes a source makes of an image at most."""
        match self.study.proposals[source]:
            case DegreeProposals(of=base) | RandomProposals(sizes_of=base):
                return self.boxes_per_image(base)
            case GridProposals(rows=rows, columns=columns):
                return rows * columns
            case CentreProposals():
                return 1
            case settings:
                return settings.max_boxes

    def memory_mb(self, rulename: str, source: str, index: str, attempt: int) -> int:
        """Return the memory of an attempt to make or measure proposals.

        Args:
            rulename: its rule.
            source: of the proposals.
            index: JSON that indexing wrote beside the manifest; it is read now.
            attempt: from 1 on.
        """
        per_image = (
            self.lod.of(source).num_neighbours if rulename == "find_neighbours" else self.boxes_per_image(source)
        )
        return growing(LINES[rulename].at(num_indexed(index), per_image), attempt)

    def costs(self, dataset: str, source: str) -> list[str]:
        """Return what Snakemake notes of the jobs that made proposals, stage by stage."""
        names = {"dataset": dataset, "source": source}
        settings = self.study.proposals[source]
        if source in self.lod.ranked_sources():
            lod, base = self.lod.of(source), {"dataset": dataset, "source": self.lod.base(source)}
            return [
                *paths.by_shard(paths.FEATURES_COST, lod.num_shards, **base),
                paths.NEIGHBOURS_COST.format(**base),
                *paths.by_shard(paths.SCORES_COST, lod.score_shards, **base),
                paths.RANKING_COST.format(**base),
                paths.SELECTION_COST.format(**names),
            ]
        if isinstance(settings, SearchedProposals):
            searches = paths.by_shard(paths.SEARCH_COST, settings.num_shards, **names)
            return [*searches, paths.JOIN_COST.format(**names)]
        return [paths.MAKING_COST.format(**names)]
