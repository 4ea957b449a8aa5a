"""Train a linear layer on the frozen backbone of a run and measure it on the test split."""

import argparse
import time
from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.linear import LinearJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, LinearJob, ["seed", "data-root", "manifest", "annotations", "threads", "gpus"])
    parser.add_input("backbone", "weights of the run (.safetensors)")
    parser.add_output("out", "result to write (JSON)")
    parser.add_output("scores", "scores of the test images to write (npz)")
    args = parser.parse_args(argv)
    job = LinearJob.parse(args.settings)
    made = parser.begin("evaluate_linear", args)

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(min(args.gpus, 1)):
        evaluate_here(job, args)
    made.finish()


def evaluate_here(job: LinearJob, args: argparse.Namespace) -> None:
    import torch

    from objectcrop.evaluate.linear.probe import Data, evaluate_linear
    from objectcrop.evaluate.linear.scores import write_scores
    from objectcrop.evaluate.results import write_result
    from objectcrop.networks.weights import load_backbone, read_training_precision
    from objectcrop.runtime.randomness import Seeds
    from objectcrop.ssl.samples.order import split_threads
    from objectcrop.tables import ANNOTATIONS, MANIFEST, read_table

    started = time.monotonic()
    manifest, annotations = read_table(args.manifest, MANIFEST), read_table(args.annotations, ANNOTATIONS)
    data = Data.of(manifest, annotations, args.data_root)
    backbone = load_backbone(args.backbone, job.run.backbone)
    threads, workers = split_threads(args.threads, args.gpus)
    torch.set_num_threads(threads)
    device = torch.device("cuda" if args.gpus else "cpu")
    seeds = Seeds(job.study_seed, args.seed)
    evaluated = evaluate_linear(backbone, data, job.task, seeds, device=device, num_workers=workers)
    pretrained_in = read_training_precision(args.backbone)
    write_scores(args.scores, evaluated.scores)
    write_result(args.out, job, args.seed, evaluated.results, time.monotonic() - started, pretrained_in)


if __name__ == "__main__":
    run(main)
