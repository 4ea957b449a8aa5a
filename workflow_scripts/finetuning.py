"""The arguments that both fine-tunings share, and what they do with them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def fine_tune_from_arguments(module: str, description: str | None, argv: Sequence[str] | None) -> None:
    """Fine-tune as the arguments say; several GPUs start torchrun, which calls `module` again."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--settings", required=True, help='JSON: run, task and data set with their names, "study_seed"')
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the data set's paths start from")
    parser.add_argument("--weights", type=Path, required=True, help="weights of the run in Detectron2's names")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 is the CPU; more than one starts torchrun")
    parser.add_argument("--threads", type=int, default=1, help="cores")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of the state")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)

    from objectcrop.runtime.launch import needs_torchrun, run_under_torchrun, visible_gpus

    arguments = list(sys.argv[1:] if argv is None else argv)
    with visible_gpus(args.gpus):
        if needs_torchrun(args.gpus):
            sys.exit(run_under_torchrun(module, arguments, args.gpus))
        _fine_tune_here(args)


def _fine_tune_here(args: argparse.Namespace) -> None:
    import time
    import warnings

    import torch

    with warnings.catch_warnings():
        # Detectron2 of 2024 on PyTorch of 2026
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.script", category=FutureWarning)
        from objectcrop.evaluate.detection.fine_tune import FineTuning, fine_tune, joined_processes

    from objectcrop.data.readers.registry import parse_dataset
    from objectcrop.evaluate.detection.state import forget_state, report_unused_states, state_folder
    from objectcrop.evaluate.detection.weights import read_precision
    from objectcrop.evaluate.results import result_record
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.lock import run_lock
    from objectcrop.runtime.signals import stop_requests
    from objectcrop.study.settings.runs import Run
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.study.settings.tasks import parse_task

    settings = parse_settings(args.settings)
    torch.set_num_threads(max(args.threads, 1))
    start = time.monotonic()
    job = FineTuning(
        label=f"{settings['task_name']} {settings['run_name']} s{args.seed}",
        task=parse_task(settings["task"]),
        backbone=Run.model_validate(settings["run"]).backbone,
        dataset_name=settings["dataset_name"],
        dataset=parse_dataset(settings["dataset"]),
        data_root=args.data_root,
        weights=args.weights,
        checkpoints=state_folder(args.checkpoints, settings | {"seed": args.seed}, args.weights),
        seed=settings["study_seed"] + args.seed,
        num_processes=max(args.gpus, 1),
        device="cuda" if args.gpus else "cpu",
        num_workers=4 if args.threads > 4 else 0,
    )
    with joined_processes(args.gpus) as is_first, stop_requests() as stop:
        if is_first:
            with run_lock(args.checkpoints / "lock"):
                report_unused_states(job.checkpoints, job.label)
                found = fine_tune(job, stop)
        else:
            found = fine_tune(job, stop)
    if not is_first:
        return
    pretrained_in = read_precision(args.weights)
    write_json(args.out, result_record(settings, args.seed, found, time.monotonic() - start, pretrained_in))
    forget_state(args.checkpoints)
    print(", ".join(f"{name} {value:.4g}" for name, value in found["metrics"].items()))
