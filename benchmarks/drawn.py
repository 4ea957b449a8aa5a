"""How fast scenes are drawn, encoded and written, in one process; prints a table and writes benchmarks/results/drawn.json.

Making the surface tiles, once a process, is timed by itself. Processor seconds are given beside wall seconds, as other
work on the machine stretches only the latter.
"""

import json
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from objectcrop.data.drawn.dataset import Chunk, draw_chunk, draw_scene
from objectcrop.data.drawn.layouts import make_folders
from objectcrop.study.settings.datasets import DrawnDataset

NUM_SCENES = 200
SIZES = [(512, 384), (256, 192)]


def measure(settings: DrawnDataset) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_folders(folder, ["train"])
        (folder / "records").mkdir()
        wall, processor = time.perf_counter(), time.process_time()
        draw_chunk(folder, settings, Chunk("train", 0, NUM_SCENES))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        num_bytes = sum(path.stat().st_size for path in (folder / "train").iterdir())
    return {
        "scenes_per_second": NUM_SCENES / wall,
        "scenes_per_processor_second": NUM_SCENES / processor,
        "kilobytes_per_scene": num_bytes / NUM_SCENES / 1000,
    }


def main() -> None:
    start = time.process_time()
    for index in range(40):
        draw_scene(DrawnDataset(source="drawn", num_classes=24, width_px=64, height_px=64), "train", index)
    results: dict[str, object] = {"first_40_scenes_and_tiles_s": time.process_time() - start}
    for width, height in SIZES:
        for sizes in ("coco", "medium", "large"):
            settings = DrawnDataset(source="drawn", width_px=width, height_px=height, object_sizes=sizes)
            results[f"{width}x{height} {sizes}"] = found = measure(settings)
            print(f"{width}x{height} {sizes:8}" + "".join(f"  {name} {value:.1f}" for name, value in found.items()))
    results |= {"platform": platform.platform(), "opencv": version("opencv-python-headless")}
    out = Path(__file__).parent / "results" / "drawn.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
