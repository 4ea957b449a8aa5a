"""A copy of the checkout on the cluster's file system, in which the tiny study has run.

Its jobs ask Slurm for GPUs (`gres`) and compute on the CPU: `gpu` would also start CUDA, which stand-ins have not.
"""

from typing import NamedTuple

import pytest
import yaml

from tests.chaos.results import digests
from tests.cluster.login import Login
from tests.conftest import copied

ARRAYS = ("--jobs", "1000", "--max-jobs-per-timespan", "1000/1s", "--slurm-array-jobs")
TINY = ("--configfile", "presets/tiny.yaml", "cluster.yaml")
STUDY = {
    "runs": {
        "scene-scene": {"resources": {"nodes": 2}},
        "obj-dilate": {"resources": {"nodes": 1}},  # which inherits from scene-scene
        "long": {"inherit": "scene-scene", "optimizer": {"epochs": 200}, "resources": {"nodes": 1}},
    }
}
LONGEST_S = 7200
"""For a whole study on a loaded machine: each of its jobs starts a Snakemake of its own."""
ON_GPUS = ("pretrain", "extract_features", "find_neighbours", "evaluate_linear", "fine_tune")
GPUS = ("--set-resources", *(f"{rule}:gres='gpu:1'" for rule in ON_GPUS))


class Studied(NamedTuple):
    """The tiny study that has run: a user in its folder, the cluster's record of its jobs, and what it ended with."""

    user: Login
    jobs: list[dict[str, str]]
    digests: dict[str, str]


def tiny_checkout(root, folder):
    """A copy of the checkout with the overlay of the tiny study on a cluster."""
    copied(root, folder)
    (folder / "cluster.yaml").write_text(yaml.safe_dump(STUDY))
    return folder


@pytest.fixture(scope="session")
def studied(cluster, root, tmp_path_factory):
    folder = tiny_checkout(root, tmp_path_factory.mktemp("checkout").resolve())
    user, before = Login(cluster, folder, folder), len(cluster.jobs())
    try:
        user.run(*TINY, *ARRAYS, "extract_features,score_pairs", *GPUS)
        yield Studied(user, cluster.jobs()[before:], digests(folder))
    finally:
        user.interrupt_all()
