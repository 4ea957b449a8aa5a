"""Each method's training step on a GPU beside what the GPU can do: fed by one batch in its memory, and by the loader.

Measures ceilings first (products of matrices, copies), then images a second, memory, utilisation (`mfu`: the network's operations
over the ceiling) and the share of time that the loader keeps the GPU waiting, with the trainer and the settings of pretraining.
Then counts what one uncompiled step asks for, operations and bytes (`gpu_parts/roofline.py`), and states the share that was
reached of the step's bound by the ceilings: by the bytes of every operator, and by those of products alone.

JPEGs are photographs of ../shared/data, or drawn (640x480). Prints tables and writes benchmarks/results/gpu.json.
`--device cpu --arch resnet18 --side 32 --batch 16 --steps 2 --warm-up 1` tries it without a GPU.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from first_run_parts.recorded import versions
from gpu_parts.ceilings import measure_ceilings
from gpu_parts.roofline import roofline
from gpu_parts.runs import METHODS, Size, repeated, run_of, time_run, work_of
from loader_parts.collection import collect
from results_parts.record import record

from objectcrop.boxes import Size as ImageSize
from objectcrop.runtime.distributed import World


def rows_of(name: str, values: Mapping[str, float]) -> list[dict[str, Any]]:
    print(f"{name:28}" + "".join(f"  {key} {value:.4g}" for key, value in values.items()), flush=True)
    return [{"name": f"{name}, {key}", "value": value, "unit": ""} for key, value in values.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--arch", default="resnet50")
    parser.add_argument("--side", type=int, default=224, help="of the views, pixels")
    parser.add_argument("--batch", type=int, default=256, help="images a step")
    parser.add_argument("--steps", type=int, default=30, help="that are timed")
    parser.add_argument("--warm-up", type=int, default=10, help="steps before them")
    parser.add_argument(
        "--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes of the loader"
    )
    parser.add_argument(
        "--renderer", choices=("cpu", "batched"), default="batched", help="where views get their colours"
    )
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=tuple(METHODS))
    args = parser.parse_args()
    device = torch.device(args.device)
    is_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if is_gpu else "CPU"
    ceilings = measure_ceilings(device, 8192 if is_gpu else 512, 1024 if is_gpu else 16)
    rows = rows_of("ceiling", ceilings._asdict())
    step_s: dict[str, float] = {}
    size, world = Size(args.arch, args.side, args.batch, args.warm_up, args.steps), World(0, 1, device)
    with tempfile.TemporaryDirectory() as folder:
        collection = collect(Path(folder), ImageSize(640, 480))
        images, boxes = repeated(collection.images, collection.boxes, (size.warm_up + size.steps) * size.batch)
        few, few_boxes = repeated(collection.images, collection.boxes, size.batch)
        for number, method in enumerate(args.methods):
            run = run_of(method, size, renderer=args.renderer)
            for fed, workers in (("one batch", None), ("loader", args.workers)):
                if is_gpu:
                    torch.cuda.reset_peak_memory_stats(device)
                there = Path(folder) / f"{number}-{workers}"
                timed = time_run(run, images, boxes, size, world, there, workers=workers, peak=ceilings.teraflops)
                rows += rows_of(f"{method}, {fed}", timed._asdict())
                step_s.setdefault(method, size.batch / timed.images_per_s)  # without the loader
            work = work_of(run, few, few_boxes, size, world, Path(folder) / f"{number}-count")
            rows += rows_of(method, roofline(work, step_s[method], ceilings))
    command = (
        f"python benchmarks/gpu.py --device {args.device} --arch {args.arch} --side {args.side} --batch {args.batch}"
    )
    record("gpu", {"command": command, "conditions": name, "versions": versions(), "rows": rows, "ratios": {}})


if __name__ == "__main__":
    main()
