"""How fast scenes are drawn, encoded and written, in one process; prints a table and writes benchmarks/results/drawn.json.

Making the surface tiles, once a process, is timed by itself. Processor seconds are given beside wall seconds, as other
work on the machine stretches only the latter.
"""

import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from results_parts.record import record

from objectcrop.data.drawn.dataset import Chunk, draw_chunk, draw_scene
from objectcrop.data.drawn.layouts import make_folders
from objectcrop.study.settings.datasets import DrawnDataset

NUM_SCENES = 200
SIZES = [(512, 384), (256, 192)]


def measure(settings: DrawnDataset) -> dict[str, tuple[float, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_folders(folder, ["train"])
        (folder / "records").mkdir()
        wall, processor = time.perf_counter(), time.process_time()
        draw_chunk(folder, settings, Chunk("train", 0, NUM_SCENES))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        num_bytes = sum(path.stat().st_size for path in (folder / "train").iterdir())
    return {
        "scenes a second": (NUM_SCENES / wall, "1/s"),
        "scenes a processor second": (NUM_SCENES / processor, "1/s"),
        "kB a scene": (num_bytes / NUM_SCENES / 1000, "kB"),
    }


def main() -> None:
    start = time.process_time()
    for index in range(40):
        draw_scene(DrawnDataset(source="drawn", num_classes=24, width_px=64, height_px=64), "train", index)
    rows = [{"name": "first 40 scenes and tiles", "value": time.process_time() - start, "unit": "s"}]
    for width, height in SIZES:
        for sizes in ("coco", "medium", "large"):
            settings = DrawnDataset(source="drawn", width_px=width, height_px=height, object_sizes=sizes)
            measured = measure(settings)
            print(
                f"{width}x{height} {sizes:8}"
                + "".join(f"  {name} {value:.1f}" for name, (value, _) in measured.items())
            )
            rows += [
                {"name": f"{width}x{height} {sizes}, {name}", "value": value, "unit": unit}
                for name, (value, unit) in measured.items()
            ]
    result = {
        "conditions": "one process",
        "versions": {"opencv": version("opencv-python-headless")},
        "command": "python benchmarks/drawn.py",
        "rows": rows,
        "ratios": {},
    }
    record("drawn", result)


if __name__ == "__main__":
    main()
