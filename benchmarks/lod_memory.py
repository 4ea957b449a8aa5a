"""How much memory the jobs of LOD take, by the number of images, and what the rules ask for.

The rules' own scripts run on drawn collections (`lod_parts/draw_collection.py`) in the shape of presets/openimages_full.yaml.
Peaks grow in a line with the number of images; it is drawn on to Open Images. The ranking takes the more of what its vectors
need and what one shard of scores needs to be sorted, so these are two jobs here; with several processes, figures are those
of one. Its iterations are cut short: each takes the same memory. Prints a table and writes benchmarks/results/lod_memory.json.

This process imports nothing big: Linux counts the memory of a parent into the peak of its child.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from results_parts.record import record

from objectcrop.study.plan.memory import LINES, ranking_mb
from objectcrop.study.settings.proposals import LodProposals

ROOT = Path(__file__).resolve().parents[1]
NUM_SHARDS, NEIGHBOURS, BOXES = 4, 50, 10
SIZES = (10_000, 40_000)
FULL = (20_000, 1_700_000)
LOD = {
    "kind": "lod",
    "features_run": "r",
    "max_regions": 200,
    "num_neighbours": NEIGHBOURS,
    "max_scores_per_pair": 100,
    "num_shards": NUM_SHARDS,
    "num_score_shards": 1024,
    "max_boxes": BOXES,
    "projection_dims": 512,
    "max_iterations": 3,
}
SHARDS_OF_SCORES = {"rank_regions": 166, "rank_regions, 2 processes": 166, "rank_regions, large shard": 1660}
"""Images of a shard."""


def peak_mb(command: list[str]) -> float:
    """Of a process that runs the command to its end."""
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: ended with code {process.returncode}")
    return usage.ru_maxrss * 1024 / 1e6


def jobs(folder: Path, num_images: int) -> dict[str, list[str]]:
    """Words of each job's command by the job's name: that of its rule, and what it is done with."""
    features = ["--features", *(str(folder / f"features/{shard}.npz") for shard in range(NUM_SHARDS))]
    lod = ["--settings", json.dumps({"lod": LOD})]
    selection = ["--settings", json.dumps({"lod": LOD, "source_name": "lod", "rank_by": "degree"})]
    manifest, table = ["--manifest", str(folder / "manifest.parquet")], str(folder / "lod.parquet")
    neighbours, annotations = str(folder / "neighbours.npz"), ["--annotations", str(folder / "annotations.parquet")]
    (folder / "run.json").write_text(json.dumps({"features": "no", "run": "r", "seed": 0}), encoding="utf-8")
    ranking = ["--ranking", str(folder / "ranking.npz"), "--run-summary", str(folder / "run.json")]

    def made(name: str, **source: object) -> list[str]:
        settings = json.dumps({"source": source, "source_name": name, "study_seed": 0})
        out = ["--out", str(folder / f"{name}.parquet"), "--summary", str(folder / f"{name}.json")]
        return ["--settings", settings, *out, *manifest]

    def ranked(name: str, scores: list[Path], processes: int) -> list[str]:
        place = ["--state", str(folder / f"{name}.state"), "--out", str(folder / f"{name}.npz")]
        return [*lod, *features, "--scores", *map(str, scores), "--processes", str(processes), *place]

    # as many shards as leave each the images that have a file
    of_files = {"num_shards": num_images // 4}
    looking = json.dumps({"lod": LOD | of_files, "backbone": {"arch": "resnet50"}, "study_seed": 0})
    weights, first = ["--backbone", str(folder / "backbone.safetensors")], ["--data-root", str(folder), "--shard", "0"]
    searching = {"source": {"kind": "selective_search", **of_files}, "source_name": "searched", "study_seed": 0}
    shards = [
        folder / f"scores/{shard}.npz" for shard in range(math.ceil(num_images / SHARDS_OF_SCORES["rank_regions"]))
    ]
    return {
        "extract_features": ["--settings", looking, *manifest, *weights, *first, "--out", str(folder / "f.npz")],
        "search_boxes": [
            "--settings",
            json.dumps({**searching, "backbone": None}),
            *manifest,
            *first,
            "--out",
            str(folder / "searched.parquet"),
        ],
        "find_neighbours": [*lod, *features, "--out", neighbours],
        "score_pairs": [*lod, *features, "--neighbours", neighbours, "--shard", "0", "--out", str(folder / "s.npz")],
        "rank_regions": ranked("ranked", shards, 1),
        "rank_regions, 2 processes": ranked("ranked2", shards, 2),
        "rank_regions, large shard": ranked("sorted", [folder / "large.npz"], 1),
        "select_proposals": [
            *selection,
            *manifest,
            *features,
            *ranking,
            "--out",
            table,
            "--summary",
            str(folder / "lod.json"),
        ],
        "join_proposals": [*made("joined", kind="selective_search"), "--shards", table],
        "make_proposals random": [*made("random", kind="random", sizes_of="lod"), "--sizes-of", table],
        "make_proposals grid": made("grid", kind="grid"),
        "make_proposals gt": [*made("gt", kind="gt"), *annotations],
        "make_proposals external": [
            *made("external", kind="external", file="lod.parquet"),
            "--data-root",
            str(folder),
        ],
        "measure_proposals": [*manifest, *annotations, "--proposals", table, "--out", str(folder / "quality.json")],
    }


def rule_of(job: str) -> str:
    """The first word."""
    return job.replace(",", " ").split()[0]


def measure(num_images: int, wanted: list[str] | None) -> dict[str, float]:
    peaks = {}
    with tempfile.TemporaryDirectory() as name:
        draw = ["benchmarks/lod_parts/draw_collection.py", name, str(num_images), str(LOD["max_regions"])]
        peak_mb([*draw, str(NUM_SHARDS)])
        for job, words in jobs(Path(name), num_images).items():
            if wanted is None or job in wanted:
                peaks[job] = peak_mb(["-m", f"workflow_scripts.{rule_of(job)}", *words])
                print(f"{num_images:>9}  {job:25}  {peaks[job]:8.0f} MB", flush=True)
    return peaks


def asked_mb(job: str, num_images: int) -> int:
    """What the job's rule asks for; of several processes each has an equal part."""
    if rule_of(job) == "rank_regions":
        processes = 2 if "processes" in job else 1
        shards = {"num_score_shards": math.ceil(num_images / SHARDS_OF_SCORES[job])}
        lod = LodProposals.model_validate(LOD | shards | {"ranking_processes": processes})
        return ranking_mb(num_images, lod) // processes
    return LINES[rule_of(job)].at(num_images, NEIGHBOURS if job == "find_neighbours" else BOXES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs=2, default=SIZES, help="two sizes, from which the line is drawn")
    parser.add_argument("--jobs", nargs="+", help="only these; those that others are made from among them")
    args = parser.parse_args()
    few, many = args.images
    peaks = {size: measure(size, args.jobs) for size in (few, many)}
    print(f"\n{'':25}  {'bytes an image':>15}" + "".join(f"  {size:>9} images, MB (asked)" for size in FULL))
    rows = []
    for job, peak in peaks[many].items():
        each = max(0.0, (peak - peaks[few][job]) / (many - few))
        expected = {size: peak + each * (size - many) for size in FULL}
        extrapolated = "".join(f"  {expected[size]:12.0f} ({asked_mb(job, size):>12})" for size in FULL)
        print(f"{job:25}  {1e6 * each:15.0f}{extrapolated}")
        rows.append({"name": f"{job}, an image", "value": round(1e6 * each), "unit": "bytes"})
        rows += [{"name": f"{job}, {size}", "value": round(peaks[size][job]), "unit": "MB"} for size in peaks]
        rows += [
            {"name": f"{job}, {size}, extrapolated", "value": round(mb), "unit": "MB"} for size, mb in expected.items()
        ]
        rows += [{"name": f"{job}, {size}, asked", "value": asked_mb(job, size), "unit": "MB"} for size in FULL]
    result = {
        "versions": {package: version(package) for package in ("numpy", "pandas", "pyarrow", "torch")},
        "command": f"python benchmarks/lod_memory.py --images {few} {many}",
        "rows": rows,
        "ratios": {},
    }
    record("lod_memory", result)


if __name__ == "__main__":
    main()
