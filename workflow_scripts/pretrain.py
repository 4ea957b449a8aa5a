"""Train (or build, or fetch) the backbone of one run: weights and what they were made with."""

import argparse
from collections.abc import Sequence
from functools import partial

from objectcrop.runtime.command import run
from objectcrop.study.jobs.pretraining import PretrainJob
from objectcrop.study.settings.runs import PretrainingResources
from workflow_scripts.arguments import TRAINING, add_settings, job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, PretrainJob, TRAINING)
    parser.add_input("manifest", "MANIFEST of its data set, to train on", nargs="*")
    parser.add_input("annotations", "its ANNOTATIONS, for a supervised run", nargs="*")
    parser.add_input("proposals", "PROPOSALS and their summary (JSON)", nargs="*")
    parser.add_input("weights", "the file of weights that it takes or starts from; found by its settings", nargs="*")
    keeping = {"nodes": int, "kept_states": int, "peak_teraflops": float, "compile_on": str}
    add_settings(parser, PretrainingResources, keeping)
    parser.add_output("out", "weights to write (.safetensors, torchvision's names)")
    parser.add_output("summary", "JSON to write: settings, versions, cost, history")
    args = parser.parse_args(argv)
    job = PretrainJob.parse(args.settings)
    made = parser.begin("pretrain", args)

    from objectcrop.runtime.launch import launch_on_gpus, launch_on_nodes
    from objectcrop.runtime.slurm import Nodes

    here = partial(pretrain_here, job, args)
    if args.nodes > 1:
        nodes = Nodes(args.nodes, processes=max(1, args.gpus // args.nodes), cpus=args.threads)
        launch_on_nodes("workflow_scripts.pretrain", argv, nodes, here)
    else:
        launch_on_gpus("workflow_scripts.pretrain", argv, args.gpus, here)
    made.finish()


def pretrain_here(job: PretrainJob, args: argparse.Namespace) -> None:
    from objectcrop.runtime.atomic import read_json
    from objectcrop.runtime.randomness import Seeds
    from objectcrop.ssl.pretraining import Request, Tables
    from objectcrop.ssl.to_files import OutputFiles, pretrain_to_files
    from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

    keeping = (60 * args.save_every_minutes, args.kept_states, args.peak_teraflops, args.compile_on)
    seeds = Seeds(job.study_seed, args.seed)
    request = Request(job.run_name, job.run, seeds, args.gpus, args.nodes * args.threads, *keeping, code=args.code)
    tables = Tables(
        manifest=read_table(args.manifest[0], MANIFEST) if args.manifest else None,
        data_root=args.data_root,
        annotations=read_table(args.annotations[0], ANNOTATIONS) if args.annotations else None,
        proposals=read_table(args.proposals[0], PROPOSALS) if args.proposals else None,
        proposals_summary=read_json(args.proposals[1]) if args.proposals else None,
    )
    pretrain_to_files(request, tables, args.checkpoints, OutputFiles(args.out, args.summary))


if __name__ == "__main__":
    run(main)
