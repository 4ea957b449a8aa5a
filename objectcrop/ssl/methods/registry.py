"""Every method that trains, by its name in the settings: a new one is a file beside this, a line here, and its settings."""

from objectcrop.ssl.methods.byol import Byol
from objectcrop.ssl.methods.cmc import Cmc
from objectcrop.ssl.methods.densecl import DenseCl
from objectcrop.ssl.methods.insdis import Insdis
from objectcrop.ssl.methods.method import Method, Setup
from objectcrop.ssl.methods.moco_v2 import MocoV2
from objectcrop.ssl.methods.supervised import Supervised
from objectcrop.ssl.methods.swav import Swav

METHODS: dict[str, type[Method]] = {
    "moco_v2": MocoV2,
    "densecl": DenseCl,
    "byol": Byol,
    "swav": Swav,
    "cmc": Cmc,
    "insdis": Insdis,
    "supervised": Supervised,
}


def build_method(setup: Setup) -> Method:
    """Build the method of a run with fresh weights, drawn from torch's global generator.

    Raises:
        ValueError: for a method that does not train.
    """
    name = setup.run.method
    if name not in METHODS:
        raise ValueError(f"method {name!r} does not train, choose among {', '.join(METHODS)}")
    return METHODS[name](setup)
