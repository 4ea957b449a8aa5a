"""Fetch the box CSVs and class descriptions of an Open Images data set; what is there and whole is not fetched again."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import DownloadMetadataJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, DownloadMetadataJob, ["data-root"])
    parser.add_argument("--transfer", required=True, help="JSON: from where, and how patiently")
    parser.add_output("out", "JSON to write: address, size, SHA-256, time of each file")
    args = parser.parse_args(argv)
    job = DownloadMetadataJob.parse(args.settings)
    made = parser.begin("download_metadata", args)

    from dataclasses import asdict

    from objectcrop.data.downloads.addresses import wanted_metadata
    from objectcrop.data.downloads.metadata import fetch_metadata
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.signals import end_as_by_ctrl_c
    from objectcrop.study.settings.downloads import Transfer
    from objectcrop.study.settings.section import parse_settings

    end_as_by_ctrl_c()
    transfer = Transfer.model_validate(parse_settings(args.transfer))
    wanted = wanted_metadata(job.dataset, job.download, transfer.metadata_base)
    records = fetch_metadata(wanted, args.data_root, transfer)
    for folder in job.dataset.images.values():
        (args.data_root / folder).mkdir(parents=True, exist_ok=True)  # which readers of the data set expect
    listing = {
        "dataset": job.dataset_name,
        "version": job.download.version,
        "files": [asdict(one) for one in records],
    }
    write_json(args.out, listing)
    made.finish()


if __name__ == "__main__":
    run(main)
