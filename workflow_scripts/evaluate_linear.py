"""Train a linear layer on the frozen backbone of a run and measure it on the test split."""

import argparse
from collections.abc import Sequence
from functools import partial

from objectcrop.runtime.command import run
from objectcrop.study.jobs.linear import LinearJob
from workflow_scripts.arguments import TRAINING, job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, LinearJob, [*TRAINING, "manifest", "annotations"])
    parser.add_input("backbone", "weights of the run (.safetensors)")
    parser.add_output("out", "result to write (JSON)")
    parser.add_output("scores", "scores of the test images to write (npz)")
    args = parser.parse_args(argv)
    job = LinearJob.parse(args.settings)
    made = parser.begin("evaluate_linear", args)

    from objectcrop.runtime.launch import launch_on_gpus

    here = partial(evaluate_here, job, args, made.identity)
    launch_on_gpus("workflow_scripts.evaluate_linear", argv, args.gpus, here)
    made.finish()


def evaluate_here(job: LinearJob, args: argparse.Namespace, identity: str) -> None:
    from objectcrop.evaluate.linear.to_files import OutputFiles, Request, evaluate_to_files
    from objectcrop.tables import ANNOTATIONS, MANIFEST, read_table

    request = Request(
        job=job,
        seed=args.seed,
        backbone=args.backbone,
        manifest=read_table(args.manifest, MANIFEST),
        annotations=read_table(args.annotations, ANNOTATIONS),
        data_root=args.data_root,
        num_threads=args.threads,
        num_gpus=args.gpus,
        save_every_s=60 * args.save_every_minutes,
        code=args.code,
    )
    evaluate_to_files(request, args.checkpoints, identity, OutputFiles(args.out, args.scores))


if __name__ == "__main__":
    run(main)
