"""Misfits of a run's training that its settings and the number of its processes show: the one home of these rules."""

from collections.abc import Iterator

from objectcrop.study.settings.runs import Run

Misfit = tuple[str, str]
"""A setting's path inside the run, and what is wrong with it."""


def training_misfits(run: Run, num_processes: int) -> list[Misfit]:
    """List what keeps a run from being trained by some processes, one for each GPU; a run that is not trained has nothing."""
    if not run.is_trained:
        return []
    return [*_batch_misfits(run, num_processes), *_queue_misfits(run), *_loss_misfits(run)]


def as_sentences(misfits: list[Misfit]) -> list[str]:
    """Return misfits as sentences that begin with the setting."""
    return [f"{setting}: {text}" for setting, text in misfits]


def near_multiples(value: int, of: int) -> str:
    """Return the multiples of `of` next to a value, as words."""
    below, above = value // of * of, -(-value // of) * of
    return f"{below} or {above}" if 0 < below < above else str(above)


def _batch_misfits(run: Run, num_processes: int) -> Iterator[Misfit]:
    batch, parts = run.optimizer.global_batch_size, run.training.accumulation_steps
    setting, processes = "optimizer.global_batch_size", f"{num_processes} processes (resources.gpus)"
    if batch % num_processes:
        yield setting, f"{batch} is not a multiple of the {processes}; take {near_multiples(batch, num_processes)}"
    elif batch // num_processes < 2:
        yield (
            setting,
            f"{batch} leaves each of the {processes} one image, and batch norm nothing to normalise with; raise it",
        )
    if parts == 1:
        return
    accumulation = "training.accumulation_steps"
    if run.has_memory:
        yield accumulation, f"{parts} is wrong for {run.method}: its queue would change within a step; set it to 1"
    elif batch % num_processes:
        return
    elif batch % (num_processes * parts):
        yield (
            accumulation,
            f"{setting} {batch} does not divide into {parts} parts in each of the {processes}; change one",
        )
    elif batch // (num_processes * parts) < 2:
        yield accumulation, f"{parts} leaves batch norm one image of {setting} {batch}; lower it, or raise the batch"


def _queue_misfits(run: Run) -> Iterator[Misfit]:
    batch = run.optimizer.global_batch_size
    if run.method in ("moco_v2", "densecl"):
        yield from _queue_misfit("moco.queue_length", run.moco.queue_length, batch)
        if run.moco.batch_norm_group == 1:
            yield "moco.batch_norm_group", "1 leaves batch norm nothing to normalise with; take 0, or 2 and more"
    if run.method == "swav":
        yield from _queue_misfit("swav.queue_length", run.swav.queue_length, batch)


def _queue_misfit(setting: str, length: int, batch: int) -> Iterator[Misfit]:
    if length % batch:
        near = near_multiples(length, batch)
        yield setting, f"{length} is not a multiple of optimizer.global_batch_size {batch}; take {near}"


def _loss_misfits(run: Run) -> Iterator[Misfit]:
    patches, side = run.losses.patches, run.views.size_px
    if run.losses.localization and patches > side:
        yield (
            "losses.patches",
            f"{patches} x {patches} cells are more than the {side} pixels of a side of views.size_px",
        )
