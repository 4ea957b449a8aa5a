"""Fetch the images of one shard that a data set needs and that are not there; those that fail are listed."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import FetchImagesJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, FetchImagesJob, ["data-root", "shard"])
    parser.add_argument("--transfer", required=True, help="JSON: from where, and how patiently")
    parser.add_input("subset-images", "IMAGES of an OHMS subset, or", nargs="*")
    parser.add_input("annotations", "ANNOTATIONS of the data set itself", nargs="*")
    parser.add_output("out", "JSON to write: counts, bytes, every failure")
    args = parser.parse_args(argv)
    job = FetchImagesJob.parse(args.settings)
    made = parser.begin("fetch_images", args)

    from objectcrop.data.downloads.images import FetchRequest, fetch_wanted, require_few_failures
    from objectcrop.data.downloads.wanted import chosen_images, shard_of
    from objectcrop.runtime.atomic import write_json
    from objectcrop.runtime.signals import Stopped, stop_requests
    from objectcrop.study.settings.downloads import Transfer
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import ANNOTATIONS, IMAGES, read_table

    name, dataset, download = job.dataset_name, job.dataset, job.download
    if args.subset_images:
        images = read_table(args.subset_images[0], IMAGES)
    else:
        images = chosen_images(read_table(args.annotations[0], ANNOTATIONS), dataset, download)
    wanted = shard_of(images, dataset, download, args.data_root, shard=args.shard, name=name)
    transfer = Transfer.model_validate(parse_settings(args.transfer))
    request = FetchRequest(name, wanted, transfer, args.data_root, job.max_unreadable_share)
    with stop_requests() as stop:
        report = fetch_wanted(request, stop)
    if stop:
        raise Stopped(stop.exit_code)
    listing = {"dataset": name, "shard": args.shard, "num_shards": download.num_shards, **report.as_json()}
    failed = args.out.with_suffix(".failed.json")  # Snakemake removes the output of a job that fails, this it leaves
    if report.failures:
        write_json(failed, listing)
    require_few_failures(report, request)
    write_json(args.out, listing)
    failed.unlink(missing_ok=True)
    made.finish()


if __name__ == "__main__":
    run(main)
