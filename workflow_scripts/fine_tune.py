"""Fine-tune Faster R-CNN C4 or Mask R-CNN FPN, by the task, and measure it."""

import argparse
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.fine_tune import FineTuneJob
from objectcrop.study.settings.annotation_files import annotation_files
from workflow_scripts.arguments import job_parser

OPTIONS = ["seed", "data-root", "manifest", "gpus", "threads", "checkpoints", "code"]


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, FineTuneJob, OPTIONS)
    parser.add_input("weights", "weights of the run in Detectron2's names")
    parser.add_output("out", "JSON to write")
    args = parser.parse_args(argv)
    job = FineTuneJob.parse(args.settings)
    made = parser.begin("fine_tune", args, outside=annotation_files(job.dataset_name, job.dataset, args.data_root))

    from objectcrop.runtime.launch import launch_on_gpus

    state = args.checkpoints / made.identity
    launch_on_gpus("workflow_scripts.fine_tune", argv, args.gpus, partial(fine_tune_here, job, args, state))
    made.finish()


def fine_tune_here(job: FineTuneJob, args: argparse.Namespace, state: Path) -> None:
    import torch

    torch.set_num_threads(max(args.threads, 1))
    start = time.monotonic()
    with warnings.catch_warnings():
        # Detectron2 of 2024 on PyTorch of 2026
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        from objectcrop.evaluate.detection.fine_tune import fine_tune_alone
        from objectcrop.evaluate.detection.request import FineTuning
    from objectcrop.evaluate.detection.state import STATE_FILES
    from objectcrop.evaluate.detection.weights import read_precision
    from objectcrop.evaluate.results import write_result
    from objectcrop.evaluate.states import finished_result, forget_states

    asked = {"data_root": args.data_root, "checkpoints": state, "gpus": args.gpus, "threads": args.threads}
    tuning = FineTuning.of(job, args.seed, args.weights, **asked)
    finished = finished_result(state, args.code, args.out)
    if finished.restore() or (measured := fine_tune_alone(tuning)) is None:  # the first process writes
        return
    write_result(args.out, job, args.seed, measured, time.monotonic() - start, read_precision(args.weights))
    finished.keep()
    forget_states(args.checkpoints, STATE_FILES)
    print(", ".join(f"{name} {value:.4g}" for name, value in measured["metrics"].items() if value is not None))


if __name__ == "__main__":
    run(main)
