"""What must hold before any work begins: every problem of a run at once."""

from objectcrop.networks.backbones import find_trunk_problem
from objectcrop.ssl.methods.registry import METHODS
from objectcrop.study.checks.training import as_sentences, training_misfits
from objectcrop.study.settings.runs import Run


def find_problems(run: Run, *, num_images: int, world_size: int, has_proposals: bool) -> list[str]:
    """List everything that keeps this run from being trained; empty if nothing does.

    What its settings alone show is found before the first job too, by the same rules (`objectcrop.study.checks`).
    """
    problem = find_trunk_problem(run.backbone)
    problems = [problem] if problem else []
    if not run.is_trained:
        return problems
    batch = run.optimizer.global_batch_size
    if num_images < batch:
        problems.append(f"{num_images} training images do not fill one batch of {batch}: lower global_batch_size")
    if run.method != "supervised" and run.uses_objects and not has_proposals:
        problems.append("object views need proposals: give --proposals the table and its summary")
    return problems + as_sentences(training_misfits(run, world_size))


def find_warnings(run: Run, *, num_images: int, num_without_boxes: int, world_size: int = 1) -> list[str]:
    """List what is allowed, and worth a warning."""
    warnings = METHODS[run.method].find_warnings(run, num_images=num_images, world_size=world_size)
    if run.uses_objects and num_without_boxes:
        warnings.append(f"{num_without_boxes} of {num_images} images have no usable proposal and give scene pairs")
    return warnings
