"""Fine-tuning on drawn class maps: it learns, stops, resumes with the same numbers, and stops early at a wrong class map."""

import json
import signal
from dataclasses import replace

import pytest
import torch
from PIL import Image

from objectcrop.evaluate.segmentation import training
from objectcrop.evaluate.segmentation.request import Segmentation
from objectcrop.evaluate.segmentation.segment import RECIPE, segment
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.tasks import SemanticSegmenterTask
from tests.evaluate.segmentation.conftest import ADE, SCENES, new_trunk

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.xdist_group("semantic-segmentation")]


@pytest.fixture
def job(root, tmp_path):
    """Make a segmentation of the ADE copy with settings of the task, in a folder by name."""

    def make(name="identity", *, dataset=("ade", ADE), **settings):
        task = SemanticSegmenterTask(
            kind="semantic_segmenter",
            dataset=dataset[0],
            **{"size_px": 64, "atrous_rates": (1, 2, 3), "images_per_batch": 8, "precision": "float32"} | settings,
        )
        return Segmentation(
            label="t r s0",
            task=task,
            dataset_name=dataset[0],
            dataset=dataset[1],
            data_root=root,
            checkpoints=tmp_path / name,
            seeds=Seeds(0, 0),
            device=torch.device("cpu"),
        )

    return make


def test_a_trained_head_is_above_the_majority_class_by_an_interval(job, trunk):
    result = segment(trunk, job(max_iterations=90, learning_rate=0.05, scales=(0.8, 1.25)), StopRequest())
    details, metrics = result["details"], result["metrics"]
    assert details["majority"]["class"] == "ground"
    low, high = details["above_majority"]
    assert 2 < low < metrics["mIoU"] - details["majority"]["mIoU"] < high
    low, high = result["intervals"]["mIoU"]
    assert low < metrics["mIoU"] < high
    assert metrics["mIoU"] == pytest.approx(sum(result["per_class"].values()) / 4)
    assert (details["recipe"], details["num_test"], result["precision"]) == (RECIPE, 40, "float32")


BRIEF = {"max_iterations": 4, "size_px": 32, "images_per_batch": 4}


def stopped_after(monkeypatch, steps):
    """A request that is made when so many steps are done."""
    request, step, done = StopRequest(), training._step, []

    def counted(*arguments):
        done.append(arguments[3])
        if len(done) == steps:
            request.signal = signal.SIGTERM
        return step(*arguments)

    monkeypatch.setattr(training, "_step", counted)
    return request, done


def test_a_stopped_one_resumes_behind_its_last_step_and_ends_with_the_same_numbers(job, trunk, monkeypatch, capsys):
    monkeypatch.setattr(training, "WRITE_EVERY", 1)
    whole = segment(trunk, job("whole", **BRIEF), StopRequest())
    state = torch.load(job("whole").checkpoints / training.STATE, weights_only=True)
    request, done = stopped_after(monkeypatch, 2)
    with pytest.raises(Stopped) as stopped:
        segment(new_trunk(), job("cut", **BRIEF), request)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert "stopped after iteration 1, state saved" in capsys.readouterr().out
    again = segment(new_trunk(), job("cut", **BRIEF), StopRequest())
    assert done == [0, 1, 2, 3]
    assert again == whole
    other = torch.load(job("cut").checkpoints / training.STATE, weights_only=True)
    assert state["network"].keys() == other["network"].keys()
    assert all(value.equal(other["network"][name]) for name, value in state["network"].items())
    lines = [json.loads(line) for line in (job("cut").checkpoints / training.METRICS).read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [0, 1, 2, 3]
    assert [line["learning_rate"] for line in lines] == pytest.approx([0.01 * (1 - n / 4) ** 0.9 for n in range(4)])


def test_a_finished_training_that_was_not_measured_trains_nothing_more(job, trunk, monkeypatch):
    first = segment(trunk, job(**BRIEF), StopRequest())
    _, done = stopped_after(monkeypatch, 99)
    assert segment(new_trunk(), job(**BRIEF), StopRequest()) == first
    assert done == []


def test_the_numbers_do_not_depend_on_who_reads_the_images(job, trunk):
    alone = segment(trunk, job("alone", **BRIEF), StopRequest())
    assert segment(new_trunk(), replace(job("worker", **BRIEF), num_workers=1), StopRequest()) == alone


def test_drawn_scenes_are_read_through_their_voc_devkit(job, trunk):
    result = segment(trunk, job(dataset=("scenes", SCENES), **BRIEF), StopRequest())
    assert list(result["per_class"]) == ["background", "striped disc", "checked tile", "dotted triangle"]
    assert result["details"]["majority"]["class"] == "background"


def test_a_loss_that_is_not_finite_ends_it_and_names_the_images(job, trunk):
    with pytest.raises(
        ValueError, match=r"iteration [1-3]: the loss is not finite \(images \w{16}, .*lower learning_rate"
    ):
        segment(trunk, job(**BRIEF | {"learning_rate": 1e30}), StopRequest())


def test_a_step_larger_than_the_data_set_is_named(job, trunk):
    with pytest.raises(ValueError, match=r"datasets\.ade: 48 training image\(s\) with class maps, a step takes 49"):
        segment(trunk, job(images_per_batch=49), StopRequest())


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_wrong_class_map_ends_it_before_the_first_step(job, trunk, root, part, monkeypatch):
    path = sorted((root / "ADE/annotations" / part).iterdir())[-1]
    before = path.read_bytes()
    _, done = stopped_after(monkeypatch, 99)
    Image.new("L", (80, 64), 77).save(path)
    try:
        with pytest.raises(ValueError, match=rf"{path.name}: index\(es\) \[77\] are no class"):
            segment(trunk, job(**BRIEF), StopRequest())
    finally:
        path.write_bytes(before)
    assert done == []


def test_pixels_without_a_class_count_for_nothing_in_the_loss():
    scores = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    targets[0, :2] = 255
    log = scores.log_softmax(dim=1)
    pixels = [(n, int(targets[n, y, x]), y, x) for n in range(2) for y in range(4) for x in range(5)]
    slow = [-log[place] for place in pixels if place[1] != 255]
    loss = training.pixel_loss(scores, targets)
    torch.testing.assert_close(loss, torch.stack(slow).mean())
    loss.backward()
    assert scores.grad[0, :, :2].eq(0).all()
    assert training.pixel_loss(scores, torch.full_like(targets, 255)).item() == 0


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-50], lambda data: data.replace(b"\x00\x00\x80\x3f", b"\x01\x00\x80\x3f")]
)
def test_a_damaged_state_is_not_used_and_said_in_one_line(tmp_path, capsys, damage):
    network = torch.nn.Linear(3, 2)
    torch.nn.init.ones_(network.weight)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    path = tmp_path / training.STATE
    training._save(path, network, optimizer, 5)
    assert training._restore(path, network, optimizer) == 5
    capsys.readouterr()
    path.write_bytes(damage(path.read_bytes()))
    assert training._restore(path, network, optimizer) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {path}: ")
    assert line.endswith("; training from scratch")
