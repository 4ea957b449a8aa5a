"""Fetch the box CSVs and class descriptions of an Open Images data set; what is there and whole is not fetched again."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "dataset_name", "dataset" (openimages), "download"')
    parser.add_argument("--transfer", required=True, help="JSON: from where, and how patiently")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the data set's paths start from")
    parser.add_argument(
        "--out", type=Path, required=True, help="JSON to write: address, size, SHA-256, time of each file"
    )
    args = parser.parse_args(argv)

    from dataclasses import asdict

    from objectcrop.data.downloads.addresses import wanted_metadata
    from objectcrop.data.downloads.metadata import fetch_metadata
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.signals import end_as_by_ctrl_c
    from objectcrop.study.settings.datasets import OpenImagesDataset
    from objectcrop.study.settings.downloads import Download, Transfer
    from objectcrop.study.settings.section import parse_settings

    end_as_by_ctrl_c()
    settings = parse_settings(args.settings)
    dataset = OpenImagesDataset.model_validate(settings["dataset"])
    download = Download.model_validate(settings["download"])
    transfer = Transfer.model_validate(parse_settings(args.transfer))
    records = fetch_metadata(wanted_metadata(dataset, download, transfer.metadata_base), args.data_root, transfer)
    for folder in dataset.images.values():
        (args.data_root / folder).mkdir(parents=True, exist_ok=True)  # which readers of the data set expect
    listing = {
        "dataset": settings["dataset_name"],
        "version": download.version,
        "files": [asdict(one) for one in records],
    }
    write_json(args.out, listing)


if __name__ == "__main__":
    run(main)
