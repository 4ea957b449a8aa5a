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
from workflow_scripts.arguments import TRAINING, job_parser, training_limits


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, FineTuneJob, [*TRAINING, "manifest"])
    parser.add_input("weights", "weights of the run in Detectron2's names")
    parser.add_output("out", "JSON to write")
    parser.add_output("predictions", "PNG to write: some test images and what was found in them")
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
        warnings.filterwarnings(
            "ignore", message=r".*torch\.jit\.script", category=FutureWarning
        )  # Detectron2 is of 2024
        from objectcrop.evaluate.detection.fine_tune import fine_tune_alone
        from objectcrop.evaluate.detection.request import FineTuning
    from objectcrop.evaluate.detection.state import conclude, finished_result
    from objectcrop.evaluate.detection.weights import read_precision
    from objectcrop.evaluate.results import write_result
    from objectcrop.report.predictions import write_predictions

    tuning = FineTuning.of(job, args.seed, args.weights, checkpoints=state, **training_limits(args))
    finished = finished_result(state, args.code, args.out, args.predictions)
    if finished.restore() or (measured := fine_tune_alone(tuning)) is None:  # the first process writes
        return
    write_predictions(args.predictions, measured.pop("shown"), args.data_root)
    write_result(args.out, job, args.seed, measured, time.monotonic() - start, read_precision(args.weights))
    conclude(finished, args.checkpoints)
    print(", ".join(f"{name} {value:.4g}" for name, value in measured["metrics"].items() if value is not None))


if __name__ == "__main__":
    run(main)
