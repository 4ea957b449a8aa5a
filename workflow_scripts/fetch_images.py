"""Fetch the images of one shard that a data set needs and that are not there; those that fail are listed."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON: "dataset_name", "dataset" (openimages), "download", "max_unreadable_share"',
    )
    parser.add_argument("--transfer", required=True, help="JSON: from where, and how patiently")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the data set's paths start from")
    parser.add_argument("--subset-images", type=Path, nargs="*", default=[], help="IMAGES of an OHMS subset, or")
    parser.add_argument("--annotations", type=Path, nargs="*", default=[], help="ANNOTATIONS of the data set itself")
    parser.add_argument("--shard", type=int, required=True, help="which part of the images, from 0")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write: counts, bytes, every failure")
    args = parser.parse_args(argv)

    from objectcrop.data.downloads.pictures import Request, fetch_wanted, require_few_failures
    from objectcrop.data.downloads.wanted import chosen_pictures, shard_of
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.signals import stop_requests
    from objectcrop.study.settings.datasets import OpenImagesDataset
    from objectcrop.study.settings.downloads import Download, Transfer
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import ANNOTATIONS, IMAGES, read_table

    settings = parse_settings(args.settings)
    name = settings["dataset_name"]
    dataset = OpenImagesDataset.model_validate(settings["dataset"])
    download = Download.model_validate(settings["download"])
    if args.subset_images:
        pictures = read_table(args.subset_images[0], IMAGES)
    else:
        pictures = chosen_pictures(read_table(args.annotations[0], ANNOTATIONS), dataset, download)
    wanted = shard_of(pictures, dataset, download, args.data_root, shard=args.shard, name=name)
    transfer = Transfer.model_validate(parse_settings(args.transfer))
    request = Request(name, wanted, transfer, args.data_root, settings["max_unreadable_share"])
    with stop_requests() as stop:
        report = fetch_wanted(request, stop)
    if stop:
        sys.exit(stop.exit_code)
    listing = {"dataset": name, "shard": args.shard, "num_shards": download.num_shards, **report.as_json()}
    failed = args.out.with_suffix(".failed.json")  # Snakemake removes the output of a job that fails, this it leaves
    if report.failures:
        write_json(failed, listing)
    require_few_failures(report, request)
    write_json(args.out, listing)
    failed.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
