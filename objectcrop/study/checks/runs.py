"""Misfits of runs: their trunk, their training, and what their data set lacks."""

from collections.abc import Iterator

from objectcrop.study.checks.architectures import find_arch_problem
from objectcrop.study.checks.splits import has_labels, most_training_images, splits_of
from objectcrop.study.checks.training import as_sentences, near_multiples, training_misfits
from objectcrop.study.settings.backbones import find_shape_problem
from objectcrop.study.settings.proposals import GroundTruthProposals
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded, settings_hash
from objectcrop.study.study import Study


def run_problems(study: Study) -> Iterator[str]:
    """Yield the problems of all runs."""
    by_settings: dict[str, str] = {}
    for name, run in study.runs.items():
        where = f"runs.{name}"
        same = by_settings.setdefault(settings_hash(recorded(run)), name)
        if same != name:
            yield f"{where}: has the same settings as runs.{same}; use that name in the tables"
        problems = [*_trunk_problems(run), *as_sentences(training_misfits(run, run.resources.num_processes))]
        yield from (f"{where}.{problem}" for problem in (*problems, *_data_problems(study, run), *_node_problems(run)))


def _trunk_problems(run: Run) -> Iterator[str]:
    if problem := find_arch_problem(run.backbone.arch):
        yield f"backbone.arch: {problem}"
    elif problem := find_shape_problem(run.backbone):
        yield f"backbone.{problem}"
    for setting in ("weights", "weights_sha256"):
        if run.method != "external" and getattr(run.backbone, setting) is not None:
            yield (
                f"backbone.{setting}: has no effect with method {run.method}; set it to null, or method to external (init_from "
                "names a file to train from)"
            )
    if not run.is_trained and run.backbone.init_from is not None:
        yield (
            f"backbone.init_from: has no effect with method {run.method}, which does not train; set it to null, or name the "
            "file as weights of method external"
        )


def _node_problems(run: Run) -> Iterator[str]:
    gpus, nodes = run.resources.gpus, run.resources.nodes
    if run.is_trained and gpus % nodes:
        yield f"resources.gpus: {gpus} do not divide evenly among {nodes} nodes; take {near_multiples(gpus, nodes)}"


def _data_problems(study: Study, run: Run) -> Iterator[str]:
    if run.dataset is None or not run.is_trained:
        return
    if "train" not in splits_of(study, run.dataset):
        yield f"dataset: {run.dataset!r} has no split train, which runs are trained on; name another, or add the split"
    batch, most = run.optimizer.global_batch_size, most_training_images(study, run.dataset)
    if most is not None and most < batch and run.views.sample_unit == "image":
        yield f"optimizer.global_batch_size: {run.dataset!r} has at most {most} training images, no full {batch}; lower it"
    if has_labels(study, run.dataset):
        return
    unlabelled = f"{run.dataset!r} has no labels (source folder)"
    if run.method == "supervised":
        yield f"dataset: {unlabelled}, which method supervised needs; name a labelled data set"
    if run.training.monitor_knn:
        yield f"training.monitor_knn: {unlabelled}, which the vote needs; set it to false"
    source = study.proposals.get(run.views.proposals or "")
    if run.uses_objects and isinstance(source, GroundTruthProposals):
        yield f"views.proposals: {run.views.proposals!r} are annotated boxes, and {unlabelled}; name another source"
