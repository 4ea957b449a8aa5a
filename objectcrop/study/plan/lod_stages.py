"""What each stage of LOD depends on: its rule's params hold just these settings, so that a change reruns what it touches."""

from typing import Any, Literal

from objectcrop.study.settings.proposals import LodProposals
from objectcrop.study.settings.section import recorded

Stage = Literal["features", "neighbours", "scores", "ranking"]

SETTINGS: dict[Stage, frozenset[str]] = {
    "features": frozenset(
        {
            "layers",
            "descriptor_layer",
            "long_side_px",
            "descriptor_size_px",
            "saliency_rule",
            "centring",
            "max_peaks",
            "num_levels",
            "max_regions",
            "region_grid",
            "projection_dims",
            "quirks",
            "num_shards",
            "precision",
        }
    ),
    "neighbours": frozenset({"num_neighbours"}),
    "scores": frozenset({"max_scores_per_pair", "score_precision", "num_score_shards"}),
    "ranking": frozenset({"max_iterations", "restart_weight", "uniform_weight", "seed_image_share"}),
}
SELECTION = frozenset({"max_boxes", "max_overlap"})
"""Settings that no stage but the selection needs; it records all."""
NETWORK = frozenset({"kind", "features_run", "features_seed", "trunk"})
"""Settings of the network that features come from; LOD settings are not valid without them."""


def stage_settings(lod: LodProposals, stage: Stage) -> dict[str, Any]:
    """Return the settings that a stage depends on, as plain JSON values; the others are left to their defaults."""
    value = recorded(lod) | {"num_score_shards": lod.score_shards}
    return {name: value[name] for name in SETTINGS[stage] | NETWORK}
