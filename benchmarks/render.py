"""What the batched renderer asks of a device for 256 pairs of 224 pixels: operations and bytes, before and after compiling.

Uncompiled, operations are counted on the meta device, each with the bytes of its tensors. Compiled, kernels and their bytes are
those that Inductor states for this machine's CPU, of a few views, times 256 pairs over these; GPUs compile the same graph. The
pixels of both are compared. Prints a table and writes benchmarks/results/render.json.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from results_parts.record import record
from step_parts.traffic import Traffic
from torch._inductor import metrics

from objectcrop.boxes import Size
from objectcrop.runtime.randomness import generator
from objectcrop.study.settings.views import ViewSettings
from objectcrop.views.batched_render import NUM_COLUMNS, SIGMA, augment_batch, augment_by_steps, blur_weights, pack
from objectcrop.views.plan import plan_pair

ROOT = Path(__file__).resolve().parents[1]
SIDE_PX, VIEWS, RADIUS = 224, 512, 6
MAX_SIGMA = RADIUS / 3


def uncompiled() -> tuple[int, int]:
    """Return operations and bytes of 256 pairs."""
    with torch.device("meta"):
        images = torch.empty(VIEWS, SIDE_PX, SIDE_PX, 3, dtype=torch.uint8)
        rows = torch.empty(VIEWS, NUM_COLUMNS)
    with Traffic() as traffic:
        augment_batch(images, rows, max_sigma=MAX_SIGMA)
    return traffic.operations, traffic.bytes


def compiled(count: int) -> tuple[int, int, int, int]:
    """Return kernels, bytes of 256 pairs, and of `count` views the values that differ, and by how much at most."""
    views = ViewSettings(augmentation="swav", size_px=SIDE_PX, max_blur_sigma=MAX_SIGMA)
    plans = [plan for n in range(count // 2) for plan in plan_pair([], Size(120, 90), views, 0.5, generator(0, "v", n))]
    images = torch.randint(0, 256, (count, SIDE_PX, SIDE_PX, 3), dtype=torch.uint8)
    rows = pack(plans)
    inputs = images, rows, blur_weights(rows[:, SIGMA], RADIUS)
    torch._logging.set_logs(inductor_metrics=True)
    metrics.reset()
    fused = torch.compile(augment_by_steps, dynamic=False)(*inputs)
    difference = (fused.int() - augment_by_steps(*inputs).int()).abs()
    accessed = metrics.num_bytes_accessed * VIEWS // count
    return metrics.generated_kernel_count, accessed, int((difference > 0).sum()), int(difference.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=8, help="views that are compiled for")
    args = parser.parse_args()
    torch.manual_seed(0)
    operations, moved = uncompiled()
    kernels, accessed, num_different, most = compiled(args.views)
    rows = [
        {"name": "operations, uncompiled", "value": operations, "unit": ""},
        {"name": "traffic, uncompiled", "value": round(moved / 1e9, 1), "unit": "GB"},
        {"name": "kernels, compiled", "value": kernels, "unit": ""},
        {"name": "traffic, compiled", "value": round(accessed / 1e9, 2), "unit": "GB"},
        {"name": "values that differ", "value": num_different, "unit": f"of {args.views * SIDE_PX**2 * 3}"},
        {"name": "largest difference", "value": most, "unit": "of 255"},
    ]
    for row in rows:
        print(f"{row['name']:24}{row['value']:>12} {row['unit']}")
    result = {
        "versions": {"torch": version("torch"), "python": platform.python_version()},
        "command": f"python benchmarks/render.py --views {args.views}",
        "rows": rows,
        "ratios": {},
    }
    record("render", result)


if __name__ == "__main__":
    main()
