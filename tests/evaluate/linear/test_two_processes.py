"""Two processes share the images of each batch, and end with the numbers of one."""

import os
import signal
import time

import numpy as np
import pytest

from objectcrop.evaluate.linear.features import Extractor
from objectcrop.evaluate.linear.probe import evaluate_linear
from objectcrop.evaluate.linear.states import States
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.distributed import join_world
from objectcrop.runtime.signals import Stopped, stop_requests
from tests.evaluate.linear.conftest import SEEDS, backbone, settings
from tests.ssl.processes import finish, start

# of 24 images, 7 at a time: the shares are unequal, and the last batch is smaller
TASKS = {
    "fresh views": {"cached_views": None, "epochs": 4, "batch_size": 7},
    "a choice, and one image at last": {
        "cached_views": 1,
        "batch_size": 23,
        "learning_rates": [3.0, 1.0],
        "held_out_share": 0.25,
    },
    "neighbours": {"probe": "knn", "batch_size": 7},
}


def probe(folder, images, task):
    """The target of a process: what the first one finds goes to `folder`."""
    seen, features = [], Extractor.features

    def counting(self, images):
        seen.append(len(images))
        return features(self, images)

    Extractor.features = counting
    try:
        with stop_requests() as stop, join_world(0) as world:
            states = States(folder / "states", every_s=0, stop=stop, world=world)
            task = settings(precision="float32", **task)
            evaluated = evaluate_linear(backbone(), images, task, SEEDS, device=world.device, states=states)
            write_json(folder / f"seen-{world.rank}.json", sum(seen))
            if world.is_first:
                np.save(folder / "scores.npy", evaluated.scores.scores)
                write_json(folder / "results.json", evaluated.results)
    except Stopped as stopped:
        os._exit(int(stopped.code))


@pytest.mark.parametrize("kind", TASKS)
def test_two_processes_share_the_images_and_measure_what_one_does(data, tmp_path, kind):
    folders = {size: tmp_path / str(size) for size in (1, 2)}
    for size, folder in folders.items():
        folder.mkdir()
        assert finish(start(probe, size, folder, data, TASKS[kind])) == [0] * size
    results = {size: read_json(folder / "results.json") for size, folder in folders.items()}
    assert results[2]["metrics"] == pytest.approx(results[1]["metrics"], abs=1)
    scores = [np.load(folder / "scores.npy") for folder in folders.values()]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-2, atol=1e-2 * np.abs(scores[0]).max())
    (whole,) = (read_json(path) for path in folders[1].glob("seen-*.json"))
    shares = [read_json(path) for path in folders[2].glob("seen-*.json")]
    assert sum(shares) == whole
    assert max(shares) < 0.65 * whole


def test_a_signal_to_one_of_two_processes_ends_both_after_saving(data, tmp_path):
    task = TASKS["fresh views"] | {"epochs": 4000}
    processes = start(probe, 2, tmp_path, data, task)
    while not list(tmp_path.glob("states/state-*.pt")):
        assert all(process.is_alive() for process in processes)
        time.sleep(0.01)
    os.kill(processes[1].pid, signal.SIGINT)
    codes = finish(processes, timeout_s=60)
    assert codes == [128 + signal.SIGTERM, 128 + signal.SIGINT]  # the other one was asked by it
    assert list(tmp_path.glob("states/state-*.pt"))
    assert not list(tmp_path.glob("states/.state-*"))
