"""How `make bench` runs each benchmark: a short form, and the minutes that it is estimated to take; and which it leaves out."""

from typing import NamedTuple


class Short(NamedTuple):
    """Arguments of a short form, and its share of the half hour: an estimate, in minutes of two free cores."""

    arguments: tuple[str, ...]
    minutes: float


MOST_MINUTES = 30
SHORT = {
    "coco_metric": Short(("--images", "100", "--repeats", "1"), 0.5),
    "drawn": Short((), 0.5),
    "first_run": Short(("--steps", "0"), 7),
    "instruction_sets": Short(("--epochs", "1"), 2.5),
    "loader": Short(("--quick",), 3),
    "lod": Short(("--quick",), 2),
    "lod_memory": Short(("--images", "1000", "2000"), 2.5),
    "oac_price": Short(("--repeats", "1", "--pairs", "8"), 2),
    "ohms": Short(("--rows", "1000000", "--repeats", "1"), 0.5),
    "pair_content": Short((), 0.5),
    "probe": Short(("--train-images", "300", "--seeds", "1"), 2.5),
    "render": Short(("--views", "2"), 1),
    "running_statistics": Short(("--seeds", "1", "--epochs", "1"), 2),
    "start": Short((), 0.5),
    "step": Short(("--repeats", "5"), 0.5),
    "supervised_loss": Short(("--seeds",), 0.5),
    "workflow": Short(("--studies", "paper with 256 shards", "--jobs", "10"), 1),
}
LEFT_OUT = {
    "effect": "collects the results of presets/effect.yaml, which take 8 hours (`make effect`).",
    "gpu": "needs a GPU.",
    "lod_quality": "reads the results of presets/minis_lod.yaml, and prints Markdown.",
    "run_all": "runs the others.",
    "write_results": "measures nothing.",
}
