"""A ResNet-50 Mask R-CNN learns photographs: `make learn` fine-tunes it on 16 of COCO, with a kill in between.

The trunk is not pretrained, and a few hundred steps on a CPU are too few for images that it did not see. So it is measured on
those that it was trained on, under other ids.
"""

import contextlib
import copy
import io
import json
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.layout_files import write_detectron2
from objectcrop.study.settings.backbones import BackboneSettings
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded
from objectcrop.tables import MANIFEST, empty_table, write_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared_data,
    pytest.mark.timeout(10_800),
    pytest.mark.xdist_group("learning"),
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit\.script:FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

NUM_IMAGES, OTHER_IDS, RESAMPLES = 16, 10_000_000, 200
SCHEDULE = {
    "max_iterations": 300,
    "decay_iterations": [240],
    "warmup_iterations": 30,
    "images_per_batch": 2,
    "learning_rate": 0.01,
    "train_short_sides_px": [160],
    "test_short_side_px": 160,
    "max_long_side_px": 256,
    "precise_batch_norm_iterations": 8,
    "regions_per_image": 64,
    "test_regions_per_image": 100,
}
BACKBONE = BackboneSettings(arch="resnet50")
DATASET = {
    "source": "coco",
    "instances": {"train": "train.json", "test": "test.json"},
    "images": {"train": "train", "test": "test"},
}


@pytest.fixture(scope="module")
def work(shared, tmp_path_factory):
    """A data root with the images twice, and the exported trunk."""
    folder = tmp_path_factory.mktemp("photographs")
    mini = shared / "data/coco_mini"
    whole = json.loads((mini / "annotations/instances_train2017.json").read_text())
    things = [thing for thing in whole["annotations"] if not thing["iscrowd"]]
    shown = sorted({thing["image_id"] for thing in things})[:NUM_IMAGES]
    for split, more in (("train", 0), ("test", OTHER_IDS)):
        (folder / split).mkdir()
        images = [copy.copy(image) for image in whole["images"] if image["id"] in shown]
        for image in images:
            name = f"{split}-{image['file_name']}"
            shutil.copyfile(mini / "train2017" / image["file_name"], folder / split / name)
            image |= {"id": image["id"] + more, "file_name": name}
        kept = [thing | {"image_id": thing["image_id"] + more} for thing in things if thing["image_id"] in shown]
        value = {"images": images, "annotations": kept, "categories": whole["categories"]}
        (folder / f"{split}.json").write_text(json.dumps(value))
    with seeded_weights(0):
        trunk = build_backbone(BACKBONE)
    write_detectron2(folder / "b.pkl", {name: value.numpy() for name, value in trunk.state_dict().items()})
    write_table(empty_table(MANIFEST), folder / "m.parquet", MANIFEST)
    return folder


def command(work, out, **schedule):
    task = {"kind": "segmenter", "dataset": "few", "schedule": SCHEDULE | schedule}
    settings = {"run_name": "r", "task_name": "t", "task": task, "study_seed": 0}
    settings |= {"run": recorded(Run(dataset="few", method="random_init", backbone=BACKBONE))}
    settings |= {"dataset_name": "few", "dataset": DATASET}
    files = {"manifest": "m.parquet", "weights": "b.pkl", "checkpoints": f"{out}.checkpoints"}
    files |= {"out": f"{out}.json", "predictions": f"{out}.png"}
    words = [word for name, file in files.items() for word in (f"--{name}", str(work / file))]
    words += ["--settings", json.dumps(settings), "--seed", "0", "--data-root", str(work), "--threads", "2"]
    return [sys.executable, "-m", "workflow_scripts.fine_tune", *words, "--save-every-minutes", "0.2"]


def found_boxes(work, out):
    """What the evaluator saw, which it writes for pycocotools."""
    (file,) = (work / f"{out}.checkpoints").rglob("coco_instances_results.json")
    return json.loads(file.read_text())


def ap50(truth, found, images):
    """AP50 of boxes on images drawn with repetition: each draw is an image of its own."""
    by_image = {image["id"]: image for image in truth["images"]}
    things, boxes = ({image: [] for image in by_image} for _ in range(2))
    for one in truth["annotations"]:
        things[one["image_id"]].append(one)
    for one in found:
        boxes[one["image_id"]].append(one)
    drawn = {"images": [], "annotations": [], "categories": truth["categories"]}
    results = []
    for number, image in enumerate(images, start=1):
        drawn["images"].append(by_image[image] | {"id": number})
        for thing in things[image]:
            drawn["annotations"].append(thing | {"image_id": number, "id": len(drawn["annotations"]) + 1})
        results += [
            {name: one[name] for name in ("category_id", "score", "bbox")} | {"image_id": number}
            for one in boxes[image]
        ]
    if not results:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = drawn
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * max(0.0, evaluation.stats[1])


def test_photographs_are_learnt_by_a_resnet_50_that_was_killed_in_between(work):
    words = command(work, "trained")
    process = subprocess.Popen(words)
    while not (states := list((work / "trained.checkpoints").rglob("last_checkpoint"))):
        assert process.poll() is None
        time.sleep(1)
    process.kill()
    assert process.wait() < 0
    saved = torch.load(states[0].with_name(states[0].read_text()), weights_only=False)["iteration"]
    resumed = subprocess.run(words, check=True, capture_output=True, text=True)
    first = int(re.search(r"(\d+)/300 iterations", resumed.stdout + resumed.stderr).group(1))
    assert 0 < saved < first < 300
    subprocess.run(command(work, "untrained", max_iterations=1, learning_rate=1e-9), check=True)

    (metrics,) = (work / "trained.checkpoints").rglob("metrics.jsonl")
    losses = [json.loads(line)["total_loss"] for line in metrics.read_text().splitlines()]
    truth = json.loads((work / "test.json").read_text())
    ids = [image["id"] for image in truth["images"]]
    rng = np.random.default_rng(0)
    draws = [ap50(truth, found_boxes(work, "trained"), rng.choice(ids, len(ids)).tolist()) for _ in range(RESAMPLES)]
    low, high = np.percentile(draws, [2.5, 97.5])
    result, untrained = (json.loads((work / f"{name}.json").read_text()) for name in ("trained", "untrained"))
    print(f"loss {losses[0]:.2f} to {losses[-1]:.2f}; AP50 {result['metrics']['AP50']:.1f} ({low:.1f} to {high:.1f}), "
          f"untrained {untrained['metrics']['AP50']:.2f}; {work / 'trained.png'}")  # fmt: skip
    assert losses[-1] < 0.6 * losses[0]
    assert result["metrics"]["AP50"] == pytest.approx(ap50(truth, found_boxes(work, "trained"), ids), abs=1e-6)
    assert low > untrained["metrics"]["AP50"]
