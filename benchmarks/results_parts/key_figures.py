"""The figure that stands for each benchmark in the index, read from the JSON that it wrote."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, NamedTuple


class Key(NamedTuple):
    """What the figure is, how it is read from a file of results, and its unit."""

    what: str
    read: Callable[[Mapping[str, Any]], float]
    unit: str


def row(name: str) -> Callable[[Mapping[str, Any]], float]:
    """Return what reads the value of a row."""
    return lambda result: next(row["value"] for row in result["rows"] if row["name"] == name)


def ratio(name: str) -> Callable[[Mapping[str, Any]], float]:
    """Return what reads a ratio."""
    return lambda result: result["ratios"][name]


def mean_gain(result: Mapping[str, Any]) -> float:
    """Return how much more mAP there is if extra passes leave the running statistics alone, mean over seeds."""
    means = [
        fmean(row["value"] for row in result["rows"] if row["name"].startswith(f"{way}, seed"))
        for way in ("left out", "counted")
    ]
    return means[0] - means[1]


KEYS = {
    "coco_metric": Key("pycocotools' time over faster-coco-eval's, boxes", ratio("boxes"), "times"),
    "drawn": Key("scenes of 512x384 in a processor second", row("512x384 coco, scenes a processor second"), ""),
    "first_run": Key("the demo from nothing", row("whole run"), "s"),
    "instruction_sets": Key(
        "weights by AVX2 kernels: relative difference",
        row("supervised, AVX2 kernels, float32: weights, relative difference"),
        "",
    ),
    "loader": Key("object pairs a second, over the classic loader", ratio("objects, ours, 640x480"), "times"),
    "lod": Key("matching: NumPy's time over ours, 200 regions", ratio("phm_numpy_k200"), "times"),
    "lod_memory": Key("peak of a job that makes features", row("extract_features, 20000, extrapolated"), "MB"),
    "oac_price": Key("a step with both losses over MoCo-v2's", row("both: literal, step over MoCo-v2"), "times"),
    "ohms": Key("plain pandas' time over ours", ratio("plain_pandas"), "times"),
    "pair_content": Key(
        "scene pairs that share an object, many objects", row("many, scene, pairs with same object"), ""
    ),
    "probe": Key("5 learning rates one at a time, over at once", ratio("one_rate_at_a_time"), "times"),
    "render": Key("bytes moved for 256 pairs, compiled", row("traffic, compiled"), "GB"),
    "running_statistics": Key("gain of leaving extra passes out", mean_gain, "mAP"),
    "start": Key("1.9 million images: before the first step", row("all"), "s"),
    "step": Key("lightly's step over ours", ratio("lightly_moco"), "times"),
    "supervised_loss": Key(
        "first gradient, mean over classes, over softmax",
        row("gradient, mean over classes, drawn biases, 4 labels an image"),
        "times",
    ),
    "workflow": Key(
        "planning the paper, 256 shards, over Snakemake alone",
        ratio("paper with 256 shards, beside Snakemake alone"),
        "times",
    ),
}
