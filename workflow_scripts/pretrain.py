"""Train (or build, or fetch) the backbone of one run: weights and what they were made with."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "run_name", "run", "study_seed"')
    parser.add_argument("--seed", type=int, required=True, help="seed of the run")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the images' paths start from")
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the run's data set")
    parser.add_argument("--annotations", type=Path, nargs="*", default=[], help="its ANNOTATIONS, for a supervised run")
    parser.add_argument("--proposals", type=Path, nargs="*", default=[], help="PROPOSALS and their summary (JSON)")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs; 0 is the CPU; more than one starts torchrun")
    parser.add_argument("--threads", type=int, default=1, help="cores")
    parser.add_argument("--save-every-minutes", type=float, default=10, help="minutes between checkpoints")
    parser.add_argument("--kept-states", type=int, default=2, help="checkpoints that stay")
    parser.add_argument("--peak-teraflops", type=float, default=0, help="of the device, for mfu; 0 if unknown")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of the state and of metrics.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="weights to write (.safetensors, torchvision's names)")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write: settings, versions, cost, history")
    args = parser.parse_args(argv)

    from objectcrop.runtime.launch import launch

    arguments = sys.argv[1:] if argv is None else argv
    launch("workflow_scripts.pretrain", arguments, args.gpus, partial(pretrain_here, args))


def pretrain_here(args: argparse.Namespace) -> None:
    from objectcrop.runtime.atomic import read_json, write_json
    from objectcrop.runtime.checksum import file_sha256
    from objectcrop.runtime.provenance import provenance
    from objectcrop.runtime.randomness import Seeds
    from objectcrop.ssl.networks.weights import save_backbone
    from objectcrop.ssl.pretraining import Request, Tables, pretrain
    from objectcrop.ssl.training.checkpoints import remove_states
    from objectcrop.study.settings.runs import Run
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

    settings = parse_settings(args.settings)
    run_settings, seeds = Run.model_validate(settings["run"]), Seeds(settings["study_seed"], args.seed)
    keeping = (60 * args.save_every_minutes, args.kept_states, args.peak_teraflops)
    request = Request(settings["run_name"], run_settings, seeds, args.gpus, args.threads, *keeping)
    tables = Tables(
        manifest=read_table(args.manifest, MANIFEST),
        data_root=args.data_root,
        annotations=read_table(args.annotations[0], ANNOTATIONS) if args.annotations else None,
        proposals=read_table(args.proposals[0], PROPOSALS) if args.proposals else None,
        proposals_summary=read_json(args.proposals[1]) if args.proposals else None,
    )
    found = pretrain(request, tables, args.checkpoints)
    if found is not None:  # the first process writes
        metadata = {"run": request.name, "seed": str(args.seed), "precision": found.summary["precision"] or "none"}
        save_backbone(found.backbone, args.out, metadata)
        write_json(args.summary, {**found.summary, "provenance": provenance(), "sha256": file_sha256(args.out)})
        remove_states(args.checkpoints)


if __name__ == "__main__":
    run(main)
