"""Fine-tune Faster R-CNN C4 or Mask R-CNN FPN, by the task, and measure it."""

import argparse
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.fine_tune import FineTuneJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, FineTuneJob, ["seed", "data-root", "gpus", "threads", "checkpoints", "code"])
    parser.add_argument("--weights", type=Path, required=True, help="weights of the run in Detectron2's names")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    job = FineTuneJob.parse(args.settings)

    from objectcrop.runtime.launch import launch_on_gpus

    launch_on_gpus("workflow_scripts.fine_tune", argv, args.gpus, partial(fine_tune_here, job, args))


def fine_tune_here(job: FineTuneJob, args: argparse.Namespace) -> None:
    import time

    import torch

    with warnings.catch_warnings():
        # Detectron2 of 2024 on PyTorch of 2026
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        from objectcrop.evaluate.detection.fine_tune import fine_tune_alone
        from objectcrop.evaluate.detection.request import FineTuning

    from objectcrop.evaluate.detection.state import finished_result, forget_state
    from objectcrop.evaluate.detection.weights import read_precision
    from objectcrop.evaluate.results import result_record
    from objectcrop.runtime.atomic import write_json

    torch.set_num_threads(max(args.threads, 1))
    start = time.monotonic()
    folders = {"data_root": args.data_root, "checkpoints": args.checkpoints}
    tuning = FineTuning.of(job, args.seed, args.weights, **folders, gpus=args.gpus, threads=args.threads)
    finished = finished_result(tuning.checkpoints, args.code, args.out)
    if finished.restore():
        return
    measured = fine_tune_alone(tuning)
    if measured is None:  # the first process writes
        return
    pretrained_in = read_precision(args.weights)
    write_json(args.out, result_record(job, args.seed, measured, time.monotonic() - start, pretrained_in))
    finished.keep()
    forget_state(args.checkpoints)
    print(", ".join(f"{name} {value:.4g}" for name, value in measured["metrics"].items()))


if __name__ == "__main__":
    run(main)
