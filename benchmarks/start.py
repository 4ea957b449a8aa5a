"""What a training of Open Images' size does before its first step, and what memory of it each worker copies.

Synthetic tables: images, some boxes each. Prints a table and writes benchmarks/results/start.json. Nothing is decoded or trained.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from first_run_parts.recorded import versions
from loader_parts.fidelity import in_fork, private_mib
from results_parts.record import record

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.pretraining import Request, Tables, origin_of
from objectcrop.ssl.samples.images import ImageList, boxes_of_images
from objectcrop.ssl.samples.order import start_worker
from objectcrop.ssl.samples.pairs import PairSamples
from objectcrop.study.settings.runs import Run

OUT = Path(__file__).parent / "results/start.json"
NUM_IMAGES, NUM_BOXES = 1_900_000, 3
MOST_READ = 200_000
"""Images whose rows a worker reads while its memory is measured."""
RUN = {
    "dataset": "d",
    "method": "moco_v2",
    "views": {"regions": ["object", "dilated_object"], "proposals": "p"},
}


def draw_tables(num_images: int) -> Tables:
    """Return a manifest and proposals, in the order of the ids as rules write them."""
    rng = np.random.default_rng(0)
    ids = pd.Series(np.sort(rng.choice(1 << 62, num_images, replace=False))).map("{:016x}".format).astype("str")
    sizes = {"width_px": np.int32(1024), "height_px": np.int32(768), "num_bytes": 300_000}
    manifest = pd.DataFrame(
        {"image_id": ids, "path": "train/" + ids + ".jpg", **sizes, "split": "train", "digest": ids}
    )
    low, sides = rng.uniform(0, 500, (num_images * NUM_BOXES, 2)), rng.uniform(1, 260, (num_images * NUM_BOXES, 2))
    corners = np.concatenate([low, low + sides], axis=1).astype(np.float32)
    proposals = pd.DataFrame(corners, columns=["x1", "y1", "x2", "y2"])
    proposals.insert(0, "image_id", ids.repeat(NUM_BOXES).reset_index(drop=True))
    proposals.insert(1, "rank", np.tile(np.arange(NUM_BOXES, dtype=np.int32), num_images))
    return Tables(manifest, Path("data"), proposals=proposals, proposals_summary={"object_scale_min": 0.4})


def read_in_worker(samples: PairSamples, num_read: int) -> float:
    """Plan samples in a forked process, as a worker of the loader does; return by how many MiB its own memory grew."""
    keys = [(0, number) for number in np.linspace(0, len(samples) - 1, num_read).astype(int).tolist()]

    def work() -> float:
        start_worker(0)
        for key in keys[:100]:
            samples.plan(key)
        before = private_mib()
        for key in keys:
            samples.plan(key)
            samples.images.paths[samples.sources[key[1], 0]]
        return private_mib() - before

    return in_fork(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=NUM_IMAGES)
    args = parser.parse_args()
    tables, run, seeds = draw_tables(args.images), Run.model_validate(RUN), Seeds(0, 0)
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        seconds[name] = time.process_time() - start
        print(f"{name:24}{seconds[name]:8.2f} s", flush=True)
        return result

    images = timed("list images", lambda: ImageList.of(tables.manifest, tables.data_root))
    boxes = timed("list boxes", lambda: boxes_of_images(tables.proposals, images))
    samples = timed("list samples", lambda: PairSamples(images, boxes, run, 0.4, seeds))
    timed("describe them", samples.describe)
    timed("identity of the tables", lambda: origin_of(Request("r", run, seeds), tables))
    num_read = min(MOST_READ, args.images)
    grown = read_in_worker(samples, num_read)
    print(f"a worker's own memory after {num_read:,} samples: {grown:.1f} MiB")
    rows = [{"name": name, "value": value, "unit": "processor s"} for name, value in seconds.items()]
    rows.append({"name": "all", "value": sum(seconds.values()), "unit": "processor s"})
    rows.append({"name": "own memory of a worker, 100,000 images", "value": grown * 100_000 / num_read, "unit": "MiB"})
    command = f"python benchmarks/start.py --images {args.images}"
    result = {"command": command, "versions": versions(), "rows": rows, "ratios": {}}
    record("start", result)


if __name__ == "__main__":
    main()
