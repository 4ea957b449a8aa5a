"""Train a linear layer on the frozen backbone of a run and measure it on the test split."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "run_name", "run", "task_name", "task", "study_seed"')
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the images' paths start from")
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the task's data set")
    parser.add_argument("--annotations", type=Path, required=True, help="its ANNOTATIONS")
    parser.add_argument("--backbone", type=Path, required=True, help="weights of the run (.safetensors)")
    parser.add_argument("--threads", type=int, default=1, help="cores")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs: one at most is used; 0 is the CPU")
    parser.add_argument("--out", type=Path, required=True, help="result to write (JSON)")
    args = parser.parse_args(argv)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(min(args.gpus, 1)):
        evaluate_here(args)


def evaluate_here(args: argparse.Namespace) -> None:
    import torch

    from objectcrop.evaluate.linear.images import labelled_pictures, training_classes
    from objectcrop.evaluate.linear.probe import Data, evaluate_linear
    from objectcrop.evaluate.results import result_record
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.randomness import Seeds
    from objectcrop.ssl.networks.weights import load_backbone, read_training_precision
    from objectcrop.ssl.samples.order import split_threads
    from objectcrop.study.settings.runs import Run
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.study.settings.tasks import LinearTask
    from objectcrop.tables import ANNOTATIONS, MANIFEST, read_table

    started = time.monotonic()
    settings = parse_settings(args.settings)
    task, seeds = LinearTask.model_validate(settings["task"]), Seeds(settings["study_seed"], args.seed)
    manifest, annotations = read_table(args.manifest, MANIFEST), read_table(args.annotations, ANNOTATIONS)
    classes = training_classes(manifest, annotations)
    train, test = (
        labelled_pictures(manifest, annotations, args.data_root, split, classes) for split in ("train", "test")
    )
    backbone = load_backbone(args.backbone, Run.model_validate(settings["run"]).backbone)
    threads, workers = split_threads(args.threads, args.gpus)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if args.gpus else "cpu")
    data = Data(train, test, tuple(classes))
    measured = evaluate_linear(backbone, data, task, seeds, device=device, num_workers=workers)
    pretrained_in = read_training_precision(args.backbone)
    write_json(args.out, result_record(settings, args.seed, measured, time.monotonic() - started, pretrained_in))


if __name__ == "__main__":
    run(main)
