"""Rank all regions of all images by LOD: the best regions of a quadratic programme seed a personalised PageRank."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "lod"')
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="npz of every shard, in order")
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="npz of every shard of scores")
    parser.add_argument("--out", type=Path, required=True, help="npz to write")
    args = parser.parse_args(argv)

    import numpy as np

    from objectcrop.lod.ranking import degrees, rank_regions, symmetric_matrix
    from objectcrop.lod.shards import join_features, join_scores, starts, write_arrays
    from objectcrop.study.proposals import LodProposals
    from objectcrop.study.section import parse_settings

    lod = LodProposals.model_validate(parse_settings(args.settings)["lod"])
    images = join_features(args.features, "roots")
    offsets = starts(np.array([len(roots) for roots in images.by_name["roots"]], dtype=np.int64))
    entries = join_scores(args.scores, offsets)
    weights = symmetric_matrix(*entries, num_regions=int(offsets[-1]))
    ranking = rank_regions(
        weights,
        offsets,
        restart_weight=lod.restart_weight,
        uniform_weight=lod.uniform_weight,
        image_share=lod.seed_image_share,
        max_iterations=lod.max_iterations,
    )
    write_arrays(
        args.out,
        image_ids=np.array(images.image_ids, dtype=np.str_),
        offsets=offsets,
        scores=ranking.final.scores,
        quadratic_scores=ranking.quadratic.scores,
        degrees=degrees(weights),
        iterations=np.array([ranking.quadratic.iterations, ranking.final.iterations]),
        last_changes=np.array([ranking.quadratic.last_change, ranking.final.last_change]),
    )
    print(f"{offsets[-1]} regions, {weights.nnz} scores; iterations: Q {ranking.quadratic.iterations}", end="")
    print(f", walk {ranking.final.iterations} (last step {ranking.final.last_change:.2g})")


if __name__ == "__main__":
    run(main)
