"""Each protocol of the linear probe against its authors' (spec of ssl recipes 1.4), key by key, as it is printed."""

import json

import pytest

from objectcrop.study.settings.protocols import PROTOCOLS
from objectcrop.study.settings.section import recorded
from objectcrop.study.settings.tasks import LinearTask

MOCO = {
    "crop_scale_min": 0.08,
    "interpolation": "area",
    "size_px": 224,
    "resize_px": 256,
    "batch_size": 256,
    "learning_rates": [30.0],
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 0.0,
    "schedule": "step",
    "decay_epochs": [60, 80],
    "decay_factor": 0.1,
    "epochs": 100,
    "cached_views": None,
}
AUTHORS = {
    "moco": MOCO,
    "byol": MOCO
    | {
        "interpolation": "bicubic",
        "nesterov": True,
        "batch_size": 4096,
        "learning_rates": [0.2 * 4096 / 256],
        "schedule": "cosine_per_step",
        "epochs": 80,
    },
    "swav": MOCO | {"learning_rates": [0.3], "weight_decay": 1e-6, "schedule": "cosine_per_epoch"},
    "lightly": MOCO | {"learning_rates": [0.1], "schedule": "cosine_per_step", "epochs": 90},
    "cmc": MOCO | {"decay_epochs": [30, 40, 50], "decay_factor": 0.2, "epochs": 60},
}


@pytest.mark.parametrize("protocol", AUTHORS)
def test_the_printed_settings_are_the_protocol(protocol):
    task = LinearTask.model_validate({"kind": "linear", "dataset": "imagenet", "protocol": protocol})
    printed = json.loads(json.dumps(recorded(task)))
    assert {name: printed[name] for name in AUTHORS[protocol]} == AUTHORS[protocol]
    assert printed["protocol"] == protocol


def test_every_protocol_is_held_against_its_authors():
    assert set(PROTOCOLS) == set(AUTHORS)


def test_a_task_that_names_no_protocol_is_mocos():
    assert LinearTask(kind="linear", dataset="d").protocol == "moco"


def test_what_a_study_sets_itself_goes_before_its_protocol():
    configured = {"kind": "linear", "dataset": "d", "protocol": "byol", "batch_size": 256, "learning_rates": [0.2]}
    task = LinearTask.model_validate(configured)
    assert (task.batch_size, task.learning_rates, task.epochs, task.nesterov) == (256, (0.2,), 80, True)
    assert LinearTask.model_validate(task.model_dump()) == task
    assert LinearTask.model_validate(task) == task


def test_an_unknown_protocol_is_rejected_by_name():
    with pytest.raises(ValueError, match="protocol"):
        LinearTask.model_validate({"kind": "linear", "dataset": "d", "protocol": "mocco"})
