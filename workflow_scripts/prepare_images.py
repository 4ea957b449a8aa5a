"""Write smaller copies of the images of a data set under the data root, and their manifest; what is there is not made again."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import PrepareImagesJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, PrepareImagesJob, ["data-root", "threads", "manifest"])
    parser.add_output("out", "MANIFEST of the copies to write")
    parser.add_output("files", "IMAGE_FILES to write: how to notice that a copy changed")
    parser.add_output("unreadable", "JSON of counts to write, as of other data sets")
    args = parser.parse_args(argv)
    job = PrepareImagesJob.parse(args.settings)
    made = parser.begin("prepare_images", args)

    from objectcrop.data.manifest import summarize
    from objectcrop.data.prepared import prepare_dataset
    from objectcrop.runtime.atomic import write_json
    from objectcrop.tables import IMAGE_FILES, MANIFEST, read_table, write_table

    manifest = read_table(args.manifest, MANIFEST)
    index = prepare_dataset(job.dataset_name, job.dataset, manifest, args.data_root, num_workers=args.threads)
    before, after = (int(table["num_bytes"].sum()) for table in (manifest, index.manifest))
    print(f"{len(index.manifest)} images, {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now")
    write_json(args.unreadable, summarize(index))
    write_table(index.files, args.files, IMAGE_FILES)
    write_table(index.manifest, args.out, MANIFEST)
    made.finish()


if __name__ == "__main__":
    run(main)
