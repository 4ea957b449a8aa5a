"""LOD's ranking from files to files: rows of W on disk, one process or several, resumed where it was stopped."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from objectcrop.identity.finished import Origin
from objectcrop.proposals.lod.ranking.graph import Vector
from objectcrop.proposals.lod.ranking.journal import LOCK, FileJournal, open_folder, ranking_identity
from objectcrop.proposals.lod.ranking.ranking import LodRanking, rank_regions
from objectcrop.proposals.lod.ranking.row_parts import IMAGES_PER_PART, RowParts, write_parts
from objectcrop.proposals.lod.shards import write_arrays
from objectcrop.runtime.distributed import World
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.proposals import LodProposals


class RankedRegions(NamedTuple):
    """The ranking of all regions and their degrees, alike in all processes."""

    ranking: LodRanking
    degrees: Vector


class ScoreFiles(NamedTuple):
    """What is ranked.

    Attributes:
        files: npz of every shard of scores.
        offsets: first region of each image and the number of regions, shape (images + 1,).
        image_ids: of the images.
    """

    files: Sequence[Path]
    offsets: NDArray[np.int64]
    image_ids: Sequence[str] = ()


def rank_from_files(
    scores: ScoreFiles,
    lod: LodProposals,
    folder: Path,
    world: World,
    stop: StopRequest,
    *,
    images_per_part: int = IMAGES_PER_PART,
    save_every_s: float = 60.0,
) -> RankedRegions:
    """Rank all regions; all processes call this together, and each gets the result.

    Args:
        scores: what is ranked.
        lod: settings.
        folder: of rows and state, shared by all processes; what an attempt with the same inputs left there is resumed from.
        world: the processes.
        stop: set by a signal: the state is saved and Stopped raised.
        images_per_part: images whose rows are in one part.
        save_every_s: seconds between savings of the state.

    Raises:
        Stopped: after saving, when a signal asked for it.
    """
    settings = _settings(lod)
    with run_lock(folder.with_name(f"{folder.name}.{LOCK}")) if world.is_first else nullcontext():
        open_folder(folder, ranking_origin(scores, lod, "", images_per_part).state, world)
        write_parts(scores.files, scores.offsets, folder, world, images_per_part=images_per_part)
        graph = RowParts(folder, scores.offsets, world, images_per_part=images_per_part)
        progress = Progress("LOD ranking", total=2 * lod.max_iterations, unit="steps") if world.is_first else None
        with progress or nullcontext():
            journal = FileJournal(folder, world, stop, progress, every_s=save_every_s)
            ranking = rank_regions(graph, scores.offsets, **settings, journal=journal)
        return RankedRegions(ranking, graph.degrees)


def ranking_origin(scores: ScoreFiles, lod: LodProposals, code: str, images_per_part: int = IMAGES_PER_PART) -> Origin:
    """Return what a ranking depends on: its identity and the digest of its code."""
    settings = {**_settings(lod), "images_per_part": images_per_part}
    return Origin(ranking_identity(settings, scores.files, scores.offsets, scores.image_ids), code)


def write_ranking(path: Path, ranked: RankedRegions, image_ids: Sequence[str], offsets: NDArray[np.int64]) -> None:
    """Write the ranking of all regions, how its iterations ended and the images that it is of, as an npz.

    Args:
        path: of the file.
        ranked: the ranking.
        image_ids: in the order of the regions.
        offsets: first region of each image and the number of regions, shape (images + 1,).
    """
    final, quadratic = ranked.ranking
    write_arrays(
        path,
        image_ids=np.array(image_ids, dtype=np.str_),
        offsets=offsets,
        scores=final.scores,
        quadratic_scores=quadratic.scores,
        degrees=ranked.degrees,
        iterations=np.array([quadratic.iterations, final.iterations]),
        last_changes=np.array([quadratic.last_change, final.last_change]),
    )


def _settings(lod: LodProposals) -> dict[str, Any]:
    return {
        "restart_weight": lod.restart_weight,
        "uniform_weight": lod.uniform_weight,
        "image_share": lod.seed_image_share,
        "max_iterations": lod.max_iterations,
    }
