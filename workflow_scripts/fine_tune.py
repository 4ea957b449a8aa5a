"""Fine-tune Faster R-CNN C4 or Mask R-CNN FPN, by the task, and measure it."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.fine_tune import FineTuneJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, FineTuneJob, ["seed", "data-root", "gpus", "threads", "checkpoints"])
    parser.add_argument("--weights", type=Path, required=True, help="weights of the run in Detectron2's names")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    job = FineTuneJob.parse(args.settings)

    from objectcrop.runtime.launch import launch

    arguments = sys.argv[1:] if argv is None else argv
    launch("workflow_scripts.fine_tune", arguments, args.gpus, partial(fine_tune_here, job, args))


def fine_tune_here(job: FineTuneJob, args: argparse.Namespace) -> None:
    import time

    import torch

    with warnings.catch_warnings():
        # Detectron2 of 2024 on PyTorch of 2026
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        from objectcrop.evaluate.detection.fine_tune import FineTuning, fine_tune, joined_processes

    from objectcrop.evaluate.detection.state import forget_state, report_unused_states, state_folder
    from objectcrop.evaluate.detection.weights import read_precision
    from objectcrop.evaluate.results import result_record
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.lock import run_lock
    from objectcrop.runtime.signals import stop_requests

    torch.set_num_threads(max(args.threads, 1))
    start = time.monotonic()
    tuning = FineTuning(
        label=f"{job.task_name} {job.run_name} s{args.seed}",
        task=job.task,
        backbone=job.run.backbone,
        dataset_name=job.dataset_name,
        dataset=job.dataset,
        data_root=args.data_root,
        weights=args.weights,
        checkpoints=state_folder(args.checkpoints, job.values() | {"seed": args.seed}, args.weights),
        seed=job.study_seed + args.seed,
        num_processes=max(args.gpus, 1),
        device="cuda" if args.gpus else "cpu",
        num_workers=4 if args.threads > 4 else 0,
    )
    with joined_processes(args.gpus) as is_first, stop_requests() as stop:
        if not is_first:
            fine_tune(tuning, stop)
            return
        with run_lock(args.checkpoints / "lock"):
            report_unused_states(tuning.checkpoints, tuning.label)
            measured = fine_tune(tuning, stop)
    pretrained_in = read_precision(args.weights)
    write_json(args.out, result_record(job, args.seed, measured, time.monotonic() - start, pretrained_in))
    forget_state(args.checkpoints)
    print(", ".join(f"{name} {value:.4g}" for name, value in measured["metrics"].items()))


if __name__ == "__main__":
    run(main)
