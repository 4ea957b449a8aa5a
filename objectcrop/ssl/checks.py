"""What must hold before any work begins: every problem of a run at once."""

from objectcrop.study.runs import Run

IMPLEMENTED = ("moco_v2", "supervised", "random_init", "external")


def find_problems(run: Run, *, num_images: int, world_size: int, has_proposals: bool) -> list[str]:
    """Everything that keeps this run from being trained; empty if nothing does."""
    if run.method not in IMPLEMENTED:
        return [
            f"method {run.method!r} is not implemented yet: of the self-supervised methods MoCo-v2 ('moco_v2') is, so far"
        ]
    if not run.is_trained:
        return []
    batch = run.optimizer.global_batch_size
    problems = []
    if num_images < batch:
        problems.append(f"{num_images} training images do not fill one batch of {batch}: lower global_batch_size")
    if batch % world_size:
        problems.append(f"global_batch_size {batch} is not a multiple of the {world_size} processes")
    elif batch // world_size < 2:
        problems.append("one image per process leaves batch norm nothing to normalise with: raise global_batch_size")
    if run.method == "moco_v2":
        problems += _moco_problems(run, has_proposals=has_proposals)
    return problems


def _moco_problems(run: Run, *, has_proposals: bool) -> list[str]:
    problems = []
    batch, length = run.optimizer.global_batch_size, run.moco.queue_length
    if length % batch:
        problems.append(f"queue_length {length} is not a multiple of global_batch_size {batch}")
    if run.moco.batch_norm_group == 1:
        problems.append("batch_norm_group 1 leaves batch norm nothing to normalise with: 0, or 2 and more")
    if run.uses_objects and not has_proposals:
        problems.append("object views need proposals: --proposals and --proposals-summary")
    return problems


def find_doubts(run: Run, *, num_images: int, num_without_boxes: int) -> list[str]:
    """What is allowed, and worth a warning."""
    doubts = []
    if run.method == "moco_v2" and run.moco.queue_length > num_images:
        doubts.append(
            f"queue_length {run.moco.queue_length} exceeds the {num_images} images: negatives include keys of the query's own"
            " image; a third of the images is safe"
        )
    if run.uses_objects and num_without_boxes:
        doubts.append(f"{num_without_boxes} of {num_images} images have no usable proposal and give scene pairs")
    return doubts
