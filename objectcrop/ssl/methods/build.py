"""From the settings of a run to its self-supervised method."""

from objectcrop.runtime.distributed import World
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.methods.byol import Byol
from objectcrop.ssl.methods.cmc import Cmc
from objectcrop.ssl.methods.densecl import DenseCl
from objectcrop.ssl.methods.insdis import Insdis
from objectcrop.ssl.methods.method import Method
from objectcrop.ssl.methods.moco_v2 import MocoV2
from objectcrop.ssl.methods.swav import Swav
from objectcrop.study.settings.runs import Run


def build_method(run: Run, *, seeds: Seeds, world: World, num_images: int) -> Method:
    """The method with fresh weights, drawn from torch's global generator.

    Args:
        run: its settings.
        seeds: of the study and of the run.
        world: the processes.
        num_images: samples of an epoch: pictures of the training set (or boxes, for methods without a memory bank).

    Raises:
        ValueError: for a method that does not train on pairs of views.
    """
    match run.method:
        case "moco_v2":
            return MocoV2(run, seeds=seeds, world=world)
        case "densecl":
            return DenseCl(run, seeds=seeds, world=world)
        case "byol":
            return Byol(run, world=world)
        case "swav":
            steps_per_epoch = num_images // run.optimizer.global_batch_size
            return Swav(run, seeds=seeds, world=world, steps_per_epoch=steps_per_epoch)
        case "cmc":
            return Cmc(run, seeds=seeds, world=world, num_images=num_images)
        case "insdis":
            return Insdis(run, seeds=seeds, world=world, num_images=num_images)
        case _:
            raise ValueError(f"method {run.method!r} does not train on pairs of views")
