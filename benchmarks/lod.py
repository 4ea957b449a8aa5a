"""What LOD's stages cost on one core, beside literal forms of them, and what that makes for 20 thousand and 1.7 million images.

Prints tables and writes benchmarks/results/lod.json. Times are processor seconds of one thread, medians of alternating
repeats, so that other work on the machine disturbs them little. `--quick` repeats less; `--kept-rates` measures nothing
and works out the costs again from the rates in the file. Memory: benchmarks/lod_memory.py.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from lod_parts.draw_collection import write_scores
from lod_parts.literal_features import literal_features
from lod_parts.literal_phm import literal_confidence
from threadpoolctl import threadpool_limits

from objectcrop.boxes import Size
from objectcrop.codes import starts
from objectcrop.data.drawn.dataset import draw_scene
from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.proposals.lod.ranking import hough
from objectcrop.proposals.lod.ranking.neighbours import find_neighbours
from objectcrop.proposals.lod.ranking.ranking import walk
from objectcrop.proposals.lod.ranking.row_parts import RowParts, write_parts
from objectcrop.proposals.lod.regions.extraction import projection_of, propose_regions
from objectcrop.proposals.lod.regions.pooling import by_place, pool_bins, projected
from objectcrop.proposals.lod.regions.proposing import cap_regions
from objectcrop.proposals.lod.regions.sweep import map_boxes, pixel_counts
from objectcrop.proposals.trunk import Trunk
from objectcrop.runtime.distributed import World
from objectcrop.study.plan.memory import LINES, ranking_mb
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.settings.proposals import LodProposals
from objectcrop.study.settings.runs import BackboneSettings

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the tests hold the literal form, and are not installed
from lod_parts.cuts import MAPS, measure_cuts  # which uses those of the tests too
from results_parts.record import record

from tests.proposals.lod.literal_sweep import literal_map_boxes

SIZE = Size(640, 480)
NEIGHBOURS, ENTRIES, PAIRS_PER_NEIGHBOUR = 50, 100, 0.75
"""Pairs: between half of the ordered neighbours and all of them."""
SETTINGS = LodProposals(
    kind="lod",
    features_run="r",
    max_regions=200,
    projection_dims=512,
    num_neighbours=NEIGHBOURS,
    max_scores_per_pair=ENTRIES,
    num_score_shards=1024,
    ranking_processes=8,
)
JOBS = ("extract_features", "find_neighbours", "score_pairs", "select_proposals", "measure_proposals")
TARGETS = {"phm_numpy_k200": 30.0, "proposals_ms": 25.0, "ranking_nonzeros_per_s": 3e8}
"""At least, but for the milliseconds, which are at most."""


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def medians(repeats: int, *works: Callable[[], object]) -> list[float]:
    """Return the median of each; the works alternate."""
    for work in works:
        work()
    rounds = [[seconds(work) for work in works] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def regions(seed: int, count: int, dims: int = 512) -> hough.RegionSet:
    """Boxes of sides spread evenly in octaves from 16 to 400 px, and features."""
    rng = np.random.default_rng(seed)
    sides = np.minimum(np.exp(rng.uniform(np.log(16), np.log(400), (count, 2))), np.array(SIZE) - 2).astype(np.int64)
    low = (rng.random((count, 2)) * (np.array(SIZE) - sides)).astype(np.int64)
    features = (0.1 + 0.05 * rng.standard_normal((count, dims))).astype(np.float32)
    return hough.region_set(np.concatenate([low, low + sides], axis=1), SIZE, features)


def trunk() -> Trunk:
    """A ResNet-50 of random weights: what follows it costs as much as after a trained one, or more."""
    with seeded_weights(0):
        return Trunk(build_backbone(BackboneSettings()).eval(), SETTINGS.layers, SETTINGS.descriptor_layer)


def maps(network: Trunk, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the two maps of drawn scenes of 640 x 480."""
    scenes = DrawnDataset(source="drawn", width_px=SIZE.width, height_px=SIZE.height)
    map_lists = [network.maps(draw_scene(scenes, "train", index).image[..., ::-1]) for index in range(count)]
    return [(fine, coarse) for fine, coarse in map_lists]


def measure_matching(repeats: int) -> dict[str, float]:
    """Measure pair after pair, as a shard of the pairs is worked through."""
    rates = {}
    for count, num_pairs in ((200, 10), (1000, 2)):
        sets = [regions(seed, count) for seed in range(num_pairs + 1)]
        pairs = list(pairwise(sets))
        expected, got = literal_confidence(*pairs[0]), hough.confidence(*pairs[0])
        assert np.abs(got - expected).max() <= 4e-7 * expected.max(), "our scores are not those of the specification"
        ours, literal = medians(
            repeats if count == 200 else max(1, repeats // 3),
            lambda these=pairs: [hough.confidence(*pair) for pair in these],
            lambda these=pairs: [literal_confidence(*pair) for pair in these],
        )
        rates |= {f"phm_ms_k{count}": 1e3 * ours / num_pairs, f"phm_literal_ms_k{count}": 1e3 * literal / num_pairs}
    return rates


def measure_sweep(repeats: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    values = np.kron(rng.random((12, 16)), np.ones((5, 5))) + 0.5 * rng.random((60, 80))
    counts = np.unique(pixel_counts(values, SETTINGS.num_levels))
    assert np.array_equal(map_boxes(values, SIZE, counts).boxes, literal_map_boxes(values, SIZE, counts).boxes)
    ours, literal = medians(
        repeats, lambda: map_boxes(values, SIZE, counts), lambda: literal_map_boxes(values, SIZE, counts)
    )
    return {"sweep_ms": 1e3 * ours, "sweep_literal_ms": 1e3 * literal}


def measure_images(repeats: int) -> dict[str, float]:
    network = trunk()
    images = maps(network, max(4, repeats))
    capped = cap_regions(propose_regions(images[0], SIZE, SETTINGS), SETTINGS.max_regions, np.random.default_rng(0))
    grid, coarse, boxes = SETTINGS.region_grid, images[0][1], capped.boxes
    projection = projection_of(SETTINGS, len(coarse) * grid**2, 0)
    matrices, narrow = (by_place(projection, grid**2, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    every, twice = medians(
        max(1, repeats // 3),
        lambda: [propose_regions(one, SIZE, SETTINGS) for one in images],
        lambda: [propose_regions(one, SIZE, SETTINGS) for one in images * 2],
    )
    ours, ours_narrow, literal = medians(
        repeats,
        lambda: projected(pool_bins(coarse, boxes, stride_px=16, grid=grid), matrices),
        lambda: projected(pool_bins(coarse, boxes, stride_px=16, grid=grid), narrow),
        lambda: literal_features(coarse, boxes, grid) @ projection,
    )
    image = np.zeros((384, 512, 3), dtype=np.uint8)
    (dense,) = medians(max(1, repeats // 3), lambda: (network.maps(image), network.descriptor(image, 224)))
    return {
        "proposals_ms": 1e3 * every / len(images),
        "proposals_twice_the_images": twice / every,
        "region_features_ms": 1e3 * ours,
        "region_features_bfloat16_ms": 1e3 * ours_narrow,
        "region_features_literal_ms": 1e3 * literal,
        "resnet50_512px_ms": 1e3 * dense,
    }


def rows_like_w(folder: Path, num_images: int, *, anywhere: bool) -> RowParts:
    """W of 200 regions of each image and 100 scores of each pair, or with images drawn again for each score.

    The jobs' own code writes its rows to files, and reads them in every step: from the system's memory, as they are small.
    """
    rng = np.random.default_rng(0)
    pairs_per_image = round(PAIRS_PER_NEIGHBOUR * NEIGHBOURS)
    per_image, per_pair = (pairs_per_image * ENTRIES, 1) if anywhere else (pairs_per_image, ENTRIES)
    first = np.repeat(np.arange(num_images), per_image)
    pairs = np.stack([first, rng.integers(num_images, size=len(first))], axis=1)
    write_scores(folder / "scores.npz", pairs, per_pair, SETTINGS.max_regions)
    offsets, alone = starts(np.full(num_images, SETTINGS.max_regions)), World(0, 1, torch.device("cpu"))
    write_parts([folder / "scores.npz"], offsets, folder, alone)
    return RowParts(folder, offsets, alone)


def measure_graph(repeats: int) -> dict[str, float]:
    """Steps of the walk, row sums not counted, which a ranking makes once; and the search for neighbours."""
    with tempfile.TemporaryDirectory() as name:
        near, anywhere = (rows_like_w(Path(name, str(anywhere)), 1000, anywhere=anywhere) for anywhere in (False, True))
        seeds = np.full(near.num_regions, 1 / near.num_regions)
        steps = medians(
            repeats,
            *(lambda graph=graph: walk(graph, seeds, max_iterations=5, tolerance=0) for graph in (near, anywhere)),
        )
        rates = [5 * graph.num_own_entries / step for graph, step in zip((near, anywhere), steps, strict=True)]
    descriptors = np.random.default_rng(0).standard_normal((4000, 2048), dtype=np.float32)
    (search_s,) = medians(1, lambda: find_neighbours(descriptors, NEIGHBOURS))
    return {
        "ranking_nonzeros_per_s": rates[0],
        "ranking_anywhere_nonzeros_per_s": rates[1],
        "neighbours_ns_per_pair": 1e9 * search_s / len(descriptors) ** 2,
    }


def cost_of(num_images: int, rates: dict[str, float]) -> dict[str, float]:
    """Compute core-hours, GB on disk and GB of memory at the settings of presets/openimages_full.yaml.

    These are 200 regions of 512 numbers in half precision, 50 neighbours, 100 scores a pair in half precision, ranking in 8
    processes. Memory is what each rule asks for, of a job (of all processes for the ranking). GPUs are not measured.
    """
    pairs = PAIRS_PER_NEIGHBOUR * NEIGHBOURS * num_images
    regions, entries = SETTINGS.max_regions * num_images, 2 * ENTRIES * pairs  # of W: both halves
    per_image = rates["proposals_ms"] + rates["region_features_ms"]
    steps = 2 * SETTINGS.max_iterations * entries / rates["ranking_nonzeros_per_s"]
    hours = {
        "network": rates["resnet50_512px_ms"] * num_images / 3.6e6,
        "proposals": per_image * num_images / 3.6e6,
        "neighbours": rates["neighbours_ns_per_pair"] * num_images**2 / 3.6e12,
        "scores": rates["phm_ms_k200"] * pairs / 3.6e6,
        "ranking": steps / 3600,
    }
    disk = {
        # features, box, root and layer of a region; descriptor, size, count and name of an image
        "features": regions * (512 * 2 + 16 + 4 + 1) + num_images * (2048 * 4 + 8 + 8 + 64),
        "neighbours": num_images * (NEIGHBOURS * 8 + 64) + 8 * pairs,
        # row, column and value of an entry; images, count and scale of a pair
        "scores": pairs * (ENTRIES * 6 + 20),
        # while it runs: column and value of each entry of W, these and its row before they are sorted, row starts
        "ranking_running": entries * (8 + 12) + 8 * regions,
        "ranking": 3 * 8 * regions,
    }
    memory = {
        rule: LINES[rule].at(num_images, NEIGHBOURS if rule == "find_neighbours" else SETTINGS.max_boxes)
        for rule in JOBS
    } | {"rank_regions": ranking_mb(num_images, SETTINGS)}
    return (
        {f"{stage}_core_hours": value for stage, value in hours.items()}
        | {"all_core_hours": sum(hours.values())}
        | {f"{stage}_disk_gb": value / 1e9 for stage, value in disk.items()}
        | {"all_disk_gb": sum(disk.values()) / 1e9}
        | {f"{rule}_memory_gb": value / 1e3 for rule, value in memory.items()}
    )


def print_costs(rates: dict[str, float]) -> dict[str, dict[str, float]]:
    costs = {str(count): cost_of(count, rates) for count in (20_000, 1_700_000)}
    for name in costs["20000"]:
        print(f"{name:32}" + "".join(f"  {count} images {cost[name]:10.2f}" for count, cost in costs.items()))
    print("GPU-hours: not measured, no machine with a GPU was at hand")
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--kept-rates", action="store_true", help="costs alone, from the rates that were measured last")
    args = parser.parse_args()
    path = Path(__file__).parent / "results" / "lod.json"
    if args.kept_rates:
        kept = json.loads(path.read_text(encoding="utf-8"))
        costs = print_costs({row["name"]: row["value"] for row in kept["rows"]})
        path.write_text(json.dumps(kept | {"costs": costs}, indent=2) + "\n", encoding="utf-8")
        return
    torch.set_num_threads(1)
    rates = {}
    with threadpool_limits(1):
        for measure in (measure_matching, measure_sweep, measure_images, measure_cuts, measure_graph):
            rates |= measure(3 if args.quick else 15)
    ratios = {
        f"phm_numpy_k{count}": rates[f"phm_literal_ms_k{count}"] / rates[f"phm_ms_k{count}"] for count in (200, 1000)
    }
    ratios |= {
        f"{name}_literal": rates[f"{name}_literal_ms"] / rates[f"{name}_ms"] for name in ("sweep", "region_features")
    }
    ratios |= {
        f"maskcut_dense_{n}_cells": rates[f"maskcut_dense_ms_{n}_cells"] / rates[f"maskcut_ms_{n}_cells"] for n in MAPS
    }
    for name, value in (rates | ratios).items():
        target = f"   target {TARGETS[name]:g}" if name in TARGETS else ""
        print(f"{name:32} {value:12.4g}{target}")
    costs = print_costs(rates)
    result = {
        "versions": {
            "numpy": np.__version__,
            "scipy": version("scipy"),
            "numba": version("numba"),
            "torch": torch.__version__,
        },
        "command": "python benchmarks/lod.py" + (" --quick" if args.quick else ""),
        "rows": [{"name": name, "value": value, "unit": unit_of(name)} for name, value in rates.items()],
        "ratios": ratios,
        "costs": costs,
    }
    record("lod", result)


def unit_of(name: str) -> str:
    """From the name's end."""
    return "ms" if "_ms" in name else "1/s" if name.endswith("per_s") else "ns" if "_ns_" in name else "ratio"


if __name__ == "__main__":
    main()
