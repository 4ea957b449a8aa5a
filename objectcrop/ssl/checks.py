"""What must hold before any work begins: every problem of a run at once."""

from objectcrop.ssl.networks.backbones import RESNETS
from objectcrop.ssl.networks.named import find_network_problem
from objectcrop.study.settings.runs import Run

ACCUMULATING = ("supervised", "byol", "swav")
"""Methods without a queue, whose gradients of parts of a batch add up."""


def find_problems(run: Run, *, num_images: int, world_size: int, has_proposals: bool) -> list[str]:
    """Everything that keeps this run from being trained; empty if nothing does."""
    problems = _trunk_problems(run)
    if not run.is_trained:
        return problems
    batch = run.optimizer.global_batch_size
    if num_images < batch:
        problems.append(f"{num_images} training images do not fill one batch of {batch}: lower global_batch_size")
    if batch % world_size:
        problems.append(f"global_batch_size {batch} is not a multiple of the {world_size} processes")
    elif batch // world_size < 2:
        problems.append("one image per process leaves batch norm nothing to normalise with: raise global_batch_size")
    parts, method = run.training.accumulation_steps, run.method
    has_queue = method not in ACCUMULATING or (method == "swav" and run.swav.queue_length > 0)
    if parts > 1 and has_queue:
        problems.append(
            f"accumulation_steps {parts} is wrong for {method}: its queue would change within a step; set it to 1"
        )
    elif batch % (world_size * parts):
        problems.append(
            f"global_batch_size {batch} does not divide into {parts} parts in each of {world_size} processes"
        )
    elif parts > 1 and batch // (world_size * parts) < 2:
        problems.append(f"accumulation_steps {parts} leaves batch norm one image: lower it, or raise global_batch_size")
    if run.method != "supervised" and run.uses_objects and not has_proposals:
        problems.append("object views need proposals: give --proposals the table and its summary")
    if run.method in ("moco_v2", "densecl"):
        problems += _moco_problems(run)
    if run.method == "swav" and run.swav.queue_length % batch:
        problems.append(f"swav.queue_length {run.swav.queue_length} is not a multiple of global_batch_size {batch}")
    return problems


def _trunk_problems(run: Run) -> list[str]:
    trunk = run.backbone
    if trunk.arch in RESNETS:
        return []
    if problem := find_network_problem(trunk.arch):
        return [problem]
    if not trunk.is_plain:
        return [f"backbone.width, color and stem are for {', '.join(RESNETS)}; {trunk.arch} has none of them"]
    return []


def _moco_problems(run: Run) -> list[str]:
    problems = []
    batch, length = run.optimizer.global_batch_size, run.moco.queue_length
    if length % batch:
        problems.append(f"queue_length {length} is not a multiple of global_batch_size {batch}")
    if run.moco.batch_norm_group == 1:
        problems.append("batch_norm_group 1 leaves batch norm nothing to normalise with: 0, or 2 and more")
    return problems


def find_doubts(run: Run, *, num_images: int, num_without_boxes: int, world_size: int = 1) -> list[str]:
    """What is allowed, and worth a warning."""
    doubts = []
    if run.method in ("moco_v2", "densecl"):
        doubts += _moco_doubts(run, num_images=num_images, world_size=world_size)
    if run.method == "swav" and run.swav.num_prototypes <= run.swav.embedding_dims:
        doubts.append(
            f"swav.num_prototypes {run.swav.num_prototypes} is not above embedding_dims {run.swav.embedding_dims}: embeddings"
            " can turn at right angles to all prototypes, and the loss sticks at the logarithm of their number"
        )
    if run.uses_objects and num_without_boxes:
        doubts.append(f"{num_without_boxes} of {num_images} images have no usable proposal and give scene pairs")
    return doubts


def _moco_doubts(run: Run, *, num_images: int, world_size: int) -> list[str]:
    doubts = []
    length, each = run.moco.queue_length, run.optimizer.global_batch_size // world_size
    if length > num_images:
        doubts.append(
            f"queue_length {length} exceeds the {num_images} images: negatives include keys of the query's own"
            " image; a third of the images is safe"
        )
    elif length > num_images // 3:
        doubts.append(
            f"queue_length {length} exceeds a third of the {num_images} images: hard negatives grow few, small runs learn less"
        )
    group = run.moco.batch_norm_group
    if world_size == 1 and (group == 0 or each < 2 * group):
        doubts.append(
            f"all {each} images of the one device share batch statistics, through which keys leak to queries what to match (the"
            " loss falls, little is learnt): set moco.batch_norm_group to at most half of the batch, the default is 32"
        )
    return doubts
