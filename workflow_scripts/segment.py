"""Fine-tune DeepLabv3 on the backbone of a run, and measure it by mIoU."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.segment import SegmentJob
from objectcrop.study.settings.annotation_files import class_map_files
from workflow_scripts.arguments import TRAINING, job_parser, training_limits


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SegmentJob, [*TRAINING, "manifest"])
    parser.add_input("backbone", "weights of the run (.safetensors)")
    parser.add_output("out", "JSON to write")
    args = parser.parse_args(argv)
    job = SegmentJob.parse(args.settings)
    made = parser.begin("segment", args, outside=class_map_files(job.dataset_name, job.dataset, args.data_root))

    from objectcrop.runtime.launch import visible_gpus

    with visible_gpus(min(args.gpus, 1)):
        segment_here(job, args, args.checkpoints / made.identity)
    made.finish()


def segment_here(job: SegmentJob, args: argparse.Namespace, state: Path) -> None:
    import torch

    from objectcrop.evaluate.results import write_result
    from objectcrop.evaluate.segmentation.request import Segmentation
    from objectcrop.evaluate.segmentation.segment import segment_alone
    from objectcrop.evaluate.segmentation.training import STATE
    from objectcrop.evaluate.states import finished_outputs, forget
    from objectcrop.networks.weights import load_backbone, read_training_precision
    from objectcrop.ssl.samples.order import split_threads

    started = time.monotonic()
    finished = finished_outputs(state, args.code, {"result.json": args.out})
    if finished.restore():
        return
    torch.set_num_threads(split_threads(args.threads, args.gpus)[0])
    segmentation = Segmentation.of(job, args.seed, checkpoints=state, **training_limits(args))
    measured = segment_alone(load_backbone(args.backbone, job.run.backbone), segmentation)
    pretrained_in = read_training_precision(args.backbone)
    write_result(args.out, job, args.seed, measured, time.monotonic() - started, pretrained_in)
    finished.keep()
    forget(args.checkpoints, (STATE,))
    print(", ".join(f"{name} {value:.4g}" for name, value in measured["metrics"].items()))


if __name__ == "__main__":
    run(main)
