"""A linear evaluation as files: written when it ends, and written again from its record if it ended before."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from objectcrop.evaluate.linear.data import Data
from objectcrop.evaluate.linear.probe import Evaluated, evaluate_linear
from objectcrop.evaluate.linear.scores import write_scores
from objectcrop.evaluate.linear.states import FILES, LAYOUT, States
from objectcrop.evaluate.results import write_result
from objectcrop.evaluate.states import finished_outputs, forget, report_unused
from objectcrop.networks.weights import load_backbone, read_training_precision
from objectcrop.runtime.distributed import join_world
from objectcrop.runtime.lock import run_lock
from objectcrop.runtime.randomness import Seeds
from objectcrop.runtime.signals import stop_requests
from objectcrop.ssl.samples.order import split_threads
from objectcrop.study.jobs.linear import LinearJob


class Request(NamedTuple):
    """One run of one seed, judged by one task.

    Attributes:
        job: run and task.
        seed: of the run.
        backbone: its weights (.safetensors).
        manifest: MANIFEST of the task's data set.
        annotations: its ANNOTATIONS.
        data_root: folder that paths start from.
        num_threads: cores of the job.
        num_gpus: 0 computes on the CPU.
        save_every_s: seconds between saves.
        code: digest of the code: what a finished evaluation of other code wrote is not used again.
    """

    job: LinearJob
    seed: int
    backbone: Path
    manifest: pd.DataFrame
    annotations: pd.DataFrame
    data_root: Path
    num_threads: int
    num_gpus: int
    save_every_s: float
    code: str


class OutputFiles(NamedTuple):
    """What a linear evaluation writes.

    Attributes:
        result: metrics, settings, cost (JSON).
        scores: of the test images (npz).
    """

    result: Path
    scores: Path


def evaluate_to_files(request: Request, checkpoints: Path, identity: str, files: OutputFiles) -> None:
    """Train a layer on the frozen backbone of a run and write what is measured; one that ended before does not run again.

    Args:
        request: what is judged by what.
        checkpoints: folder of the states.
        identity: of the job; names the folder of its own states.
        files: to write.

    Raises:
        ValueError: if settings and data do not fit, or another command holds the folder.
        Stopped: after saving, when a signal asked for it.
    """
    folder = checkpoints / f"{identity}-{LAYOUT}"
    label = f"linear {request.job.run_name} s{request.seed} {request.job.task_name}"
    with stop_requests() as stop, join_world(request.num_gpus) as world, ExitStack() as held:
        if world.is_first:
            held.enter_context(run_lock(checkpoints / "lock"))
        world.wait()
        finished = finished_outputs(folder, request.code, {"result.json": files.result, "scores.npz": files.scores})
        if finished.restore():
            return
        if world.is_first:
            report_unused(folder, label, FILES)
        states = States(folder, every_s=request.save_every_s, stop=stop, world=world)
        trained_in = read_training_precision(request.backbone)
        evaluated = _evaluate(request, states, trained_in)
        if not world.is_first:
            return
        write_scores(files.scores, evaluated.scores)
        write_result(files.result, request.job, request.seed, evaluated.results, states.seconds, trained_in)
        finished.keep()
        forget(checkpoints, FILES)


def _evaluate(request: Request, states: States, trained_in: str) -> Evaluated:
    job, world = request.job, states.world
    data = Data.of(request.manifest, request.annotations, request.data_root, job.task.samples)
    backbone = load_backbone(request.backbone, job.run.backbone)
    threads, workers = split_threads(max(1, request.num_threads // world.size), request.num_gpus)
    torch.set_num_threads(threads)
    seeds = Seeds(job.study_seed, request.seed)
    return evaluate_linear(
        backbone,
        data,
        job.task,
        seeds,
        device=world.device,
        num_workers=workers,
        states=states,
        trained_in=trained_in,
    )
