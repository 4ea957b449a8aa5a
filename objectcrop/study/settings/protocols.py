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
"""What differs from MoCo's, which the defaults of `LinearTask` are. Sources: MoCo (arXiv:1911.05722, 4.1), BYOL
(arXiv:2006.07733, appendix C.1; its base of 0.2 at 256 images, one of the five rates that it searches), SwAV (arXiv:2006.09882,
appendix A.2), lightly's ImageNet benchmark (0.1 at 256 images), CMC (its released script, of its views v1 and v2)."""


def with_protocol(configured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a linear task, and for keys that it does not set those of its protocol."""
    return {**PROTOCOLS.get(str(configured.get("protocol", "moco")), {}), **configured}
