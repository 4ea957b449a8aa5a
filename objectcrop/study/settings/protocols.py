"""How the authors of methods train a linear layer on ImageNet: what a task takes for the settings that it does not name."""

from collections.abc import Mapping
from typing import Any, Literal

Protocol = Literal["moco", "byol", "swav", "lightly", "cmc"]

PROTOCOLS: dict[str, dict[str, Any]] = {
    "moco": {},
    "byol": {
        "epochs": 80,
        "batch_size": 4096,
        "learning_rates": (3.2,),
        "nesterov": True,
        "schedule": "cosine_per_step",
        "interpolation": "bicubic",
    },
    "swav": {"learning_rates": (0.3,), "weight_decay": 1e-6, "schedule": "cosine_per_epoch"},
    "lightly": {"epochs": 90, "learning_rates": (0.1,), "schedule": "cosine_per_step"},
    "cmc": {"epochs": 60, "decay_epochs": (30, 40, 50), "decay_factor": 0.2},
}
"""What differs from MoCo's, which the defaults of `LinearTask` are (spec of ssl recipes 1.4): MoCo (arXiv:1911.05722), BYOL
(arXiv:2006.07733; 0.2 at 256 images is one of the five rates that it searches), SwAV (arXiv:2006.09882), lightly's ImageNet
benchmark, and CMC's released script for its first two views. Whether a cosine falls per step or per epoch is our reading."""


def with_protocol(configured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a linear task, and for keys that it does not set those of its protocol."""
    return {**PROTOCOLS.get(str(configured.get("protocol", "moco")), {}), **configured}
