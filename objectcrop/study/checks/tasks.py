"""Misfits of tasks: sizes, schedules, GPUs, and what their data set lacks."""

from collections.abc import Iterator, Sequence

from objectcrop.study.checks.splits import has_labels, splits_of
from objectcrop.study.checks.training import near_multiples
from objectcrop.study.settings.datasets import VocDataset
from objectcrop.study.settings.tasks import (
    DetectionSchedule,
    DetectorTask,
    LinearTask,
    SegmenterTask,
    SemanticSegmenterTask,
    Task,
)
from objectcrop.study.study import Study

LAYOUTS = {"detector": ("voc",), "segmenter": ("coco",), "semantic_segmenter": ("ade20k", "voc")}
"""Sources of the data sets that each kind of fine-tuning reads."""


def task_problems(study: Study) -> Iterator[str]:
    """Yield the problems of all tasks."""
    for name, task in study.tasks.items():
        yield from (f"tasks.{name}.{problem}" for problem in (*_own_problems(task), *_data_problems(study, task)))


def _own_problems(task: Task) -> Iterator[str]:
    match task:
        case LinearTask():
            yield from _linear_problems(task)
        case SemanticSegmenterTask():
            yield from _semantic_problems(task)
        case _:
            yield from _fine_tuning_problems(task)


def _linear_problems(task: LinearTask) -> Iterator[str]:
    if task.size_px > task.resize_px:
        yield f"size_px: {task.size_px} is cut out of a short side of resize_px {task.resize_px}; lower it, or raise resize_px"
    yield from _repeated("learning_rates", task.learning_rates)
    yield from _not_rising("decay_epochs", task.decay_epochs)
    if task.samples == "object" and task.labels != "single":
        yield f"labels: {task.labels}, but with samples: object each sample has one class; set labels: single"
    if task.nesterov and not task.momentum:
        yield "nesterov: true needs a momentum, got 0; raise it, or set nesterov: false"
    if len(task.learning_rates) > 1 and task.held_out_share == 0:
        count = len(task.learning_rates)
        yield f"held_out_share: 0 leaves no image to choose among {count} learning_rates; raise it, or give one rate"


def _semantic_problems(task: SemanticSegmenterTask) -> Iterator[str]:
    smallest, largest = task.scales
    if smallest > largest:
        yield f"scales: {smallest:g} to {largest:g} falls; write [{largest:g}, {smallest:g}]"
    if task.resources.gpus > 1:
        yield f"resources.gpus: {task.resources.gpus}, but a {task.kind} task uses one GPU; take 1"


def _fine_tuning_problems(task: DetectorTask | SegmenterTask) -> Iterator[str]:
    batch, gpus = task.schedule.images_per_batch, task.resources.gpus
    if gpus and batch % gpus:
        near = near_multiples(batch, gpus)
        yield f"schedule.images_per_batch: {batch} is not a multiple of the {gpus} processes (resources.gpus); take {near}"
    yield from (f"schedule.{problem}" for problem in _schedule_problems(task.schedule))


def _schedule_problems(schedule: DetectionSchedule) -> Iterator[str]:
    yield from _not_rising("decay_iterations", schedule.decay_iterations)
    if schedule.warmup_iterations > schedule.max_iterations:
        yield f"warmup_iterations: {schedule.warmup_iterations} exceeds max_iterations {schedule.max_iterations}; lower it"
    longest = schedule.max_long_side_px
    for setting, side in (
        ("train_short_sides_px", max(schedule.train_short_sides_px)),
        ("test_short_side_px", schedule.test_short_side_px),
    ):
        if side > longest:
            yield f"{setting}: a short side of {side} exceeds max_long_side_px {longest}; lower it, or raise that"


def _data_problems(study: Study, task: Task) -> Iterator[str]:
    name, dataset = task.dataset, study.datasets.get(task.dataset)
    if dataset is None:
        return
    if isinstance(task, LinearTask) and not has_labels(study, name):
        yield f"dataset: a linear task needs labels, {name!r} (source folder) has none; name a labelled data set"
        return
    if not isinstance(task, LinearTask) and dataset.source not in ("drawn", *LAYOUTS[task.kind]):
        sources = ", ".join(LAYOUTS[task.kind])
        yield f"dataset: a {task.kind} needs source {sources} or drawn, {name!r} is {dataset.source}"
        return
    for split in sorted({"train", "test"} - splits_of(study, name)):
        yield f"dataset: {name!r} has no split {split}, which a {task.kind} task needs; add it, or name another data set"
    if isinstance(task, DetectorTask) and isinstance(dataset, VocDataset) and len(dataset.parts.get("test", ())) > 1:
        yield f"dataset: {name!r} has {len(dataset.parts['test'])} test parts, a detector is measured on one; leave one"


def _repeated(setting: str, values: Sequence[float]) -> Iterator[str]:
    for place, value in enumerate(values):
        if value in values[:place]:
            yield f"{setting}.{place}: {value:g} is in the list already; remove it"


def _not_rising(setting: str, values: Sequence[int]) -> Iterator[str]:
    if list(values) != sorted(set(values)):
        yield f"{setting}: {list(values)} must rise; write {sorted(set(values))}"
