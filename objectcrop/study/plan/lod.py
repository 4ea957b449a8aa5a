"""LOD's stages: the files between them, and the settings that each depends on."""

from dataclasses import dataclass
from typing import Literal

from objectcrop.study.jobs.lod import LodJob, SelectProposalsJob
from objectcrop.study.jobs.proposals import ExtractFeaturesJob
from objectcrop.study.plan import paths
from objectcrop.study.plan.attempts import growing
from objectcrop.study.plan.lod_stages import Stage, stage_settings
from objectcrop.study.plan.memory import num_indexed, ranking_mb
from objectcrop.study.plan.trunks import TrunkPlan
from objectcrop.study.settings.proposals import DegreeProposals, LodProposals
from objectcrop.study.study import Study

SHARDS_OF_SMALL_COLLECTIONS = 2


@dataclass(frozen=True)
class LodPlan:
    """The sources of one study that are selected from LOD's regions: its own, and those that rank them otherwise."""

    study: Study

    def sources(self) -> list[str]:
        """Return the names of the LOD sources."""
        return [name for name, source in self.study.proposals.items() if isinstance(source, LodProposals)]

    def ranked_sources(self) -> list[str]:
        """Return the names of the sources that are selected from LOD's regions."""
        kinds = LodProposals | DegreeProposals
        return [name for name, source in self.study.proposals.items() if isinstance(source, kinds)]

    def base(self, source: str) -> str:
        """Return the LOD source whose regions and scores a source uses: itself, unless it ranks those of another."""
        return TrunkPlan(self.study).owner(source)

    def of(self, source: str) -> LodProposals:
        """Return the settings of a LOD source, or of the one whose regions the source ranks.

        Raises:
            ValueError: if the source is of another kind.
        """
        settings = self.study.proposals[self.base(source)]
        if not isinstance(settings, LodProposals):
            raise ValueError(f"proposals.{source} is of kind {settings.kind}, not lod")
        return settings

    def features(self, dataset: str, source: str) -> list[str]:
        """Return the features of all shards of images."""
        return paths.by_shard(paths.FEATURES, self.of(source).num_shards, dataset=dataset, source=self.base(source))

    def feature_list(self, dataset: str, source: str) -> str:
        """Return these files as the arguments of a command."""
        return " ".join(self.features(dataset, source))

    def scores(self, dataset: str, source: str) -> list[str]:
        """Return the scores of all shards of pairs of images."""
        return paths.by_shard(paths.SCORES, self.of(source).score_shards, dataset=dataset, source=self.base(source))

    def ranking(self, dataset: str, source: str) -> str:
        """Return the ranking of all regions that a source is selected by."""
        return paths.RANKING.format(dataset=dataset, source=self.base(source))

    def ranking_state(self, dataset: str, source: str) -> str:
        """Return the folder of a ranking's rows and state while it runs."""
        return paths.RANKING_STATE.format(dataset=dataset, source=source)

    def features_job(self, source: str) -> ExtractFeaturesJob:
        """Return the job that makes the features of a source: they also depend on the backbone and the study's seed."""
        lod, backbone = stage_settings(self.of(source), "features"), TrunkPlan(self.study).backbone(source)
        job = {"lod": lod, "backbone": backbone, "study_seed": self.study.seed}
        return ExtractFeaturesJob.model_validate(job)

    def job(self, stage: Stage, source: str) -> LodJob:
        """Return the job of a stage after the features, with the settings that it depends on."""
        return LodJob.model_validate({"lod": stage_settings(self.of(source), stage)})

    def selection_job(self, source: str) -> SelectProposalsJob:
        """Return the job that selects from the regions."""
        by_degree = isinstance(self.study.proposals[source], DegreeProposals)
        rank_by: Literal["walk", "degree"] = "degree" if by_degree else "walk"
        return SelectProposalsJob(source_name=source, lod=self.of(source), rank_by=rank_by)

    def neighbour_threads(self, source: str) -> int:
        """Return the cores of the search for neighbours: one in small collections.

        A job that asks for all cores of a small machine waits until all are free at once, however urgent it is.
        """
        return 2 if self.of(source).num_shards > SHARDS_OF_SMALL_COLLECTIONS else 1

    def ranking_processes(self, source: str) -> int:
        """Return the processes of a ranking."""
        return self.of(source).ranking_processes

    def ranking_memory_mb(self, source: str, index: str, attempt: int) -> int:
        """Return the memory of an attempt to rank; `index` is the JSON that indexing wrote beside the manifest."""
        lod = self.of(source)
        return growing(lod.ranking_memory_mb or ranking_mb(num_indexed(index), lod), attempt)
