"""The networks that proposals are made from: of a run of the study, or from a file."""

from dataclasses import dataclass
from pathlib import Path

from objectcrop.study.plan import paths
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.proposals import (
    BingProposals,
    DegreeProposals,
    EdgeBoxesProposals,
    ExternalProposals,
    FeatureProposals,
    FileTrunk,
)
from objectcrop.study.study import Study


@dataclass(frozen=True)
class TrunkPlan:
    """The networks and model files that the sources of one study use."""

    study: Study

    def owner(self, source: str) -> str:
        """Return the source whose regions a source uses: itself, unless it ranks those of another."""
        settings = self.study.proposals[source]
        return settings.of if isinstance(settings, DegreeProposals) else source

    def of(self, source: str) -> FeatureProposals | None:
        """Return the settings of a source that uses a network, or of the one whose regions it ranks; None for others."""
        settings = self.study.proposals[self.owner(source)]
        return settings if isinstance(settings, FeatureProposals) else None

    def weights(self, source: str) -> list[str]:
        """Return the weights of the network that a source uses, if it does: of a run, or a file that exists now."""
        settings = self.of(source)
        if settings is None:
            return []
        if settings.features_run is not None:
            return [paths.BACKBONE.format(run=settings.features_run, seed=settings.features_seed)]
        return self.files(self.owner(source))

    def run_summary(self, source: str) -> list[str]:
        """Return the summary of the run that the weights come from, if they do."""
        settings = self.of(source)
        if settings is None or settings.features_run is None:
            return []
        return [paths.RUN_SUMMARY.format(run=settings.features_run, seed=settings.features_seed)]

    def backbone(self, source: str) -> BackboneSettings | None:
        """Return the settings of that run's backbone."""
        settings = self.of(source)
        return (
            None
            if settings is None or settings.features_run is None
            else self.study.runs[settings.features_run].backbone
        )

    def locations(self, source: str) -> list[str]:
        """Return the files and folders under the data root that a source is made from or with, relative to it."""
        match self.study.proposals[source]:
            case FeatureProposals(trunk=FileTrunk(weights=str(location))):
                return [location]
            case EdgeBoxesProposals(model=str(location)) | BingProposals(model_folder=location):
                return [location]
            case ExternalProposals(file=location):
                return [location]
        return []

    def files(self, source: str) -> list[str]:
        """Return the files at these locations and in their folders that exist now: inputs, so that another file is noticed."""
        places = [Path(self.study.data) / location for location in self.locations(source)]
        files = [file for place in places for file in (sorted(place.glob("*.yml.gz")) if place.is_dir() else [place])]
        return [file.as_posix() for file in files if file.is_file()]
