"""Open every image of a data set once and write its manifest; images that cannot be used are listed and left out."""

from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import IndexImagesJob
from objectcrop.study.settings.annotation_files import annotation_files
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, IndexImagesJob, ["data-root", "threads"])
    parser.add_input("subset-images", "IMAGES of a subset", nargs="*")
    parser.add_input("annotations", "ANNOTATIONS of what was fetched", nargs="*")
    parser.add_input("parts", "MANIFESTs of the parts of a union", nargs="*")
    parser.add_argument("--part-files", type=Path, nargs="*", default=[], help="IMAGE_FILES of the parts of a union")
    parser.add_output("out", "MANIFEST to write")
    parser.add_output("files", "IMAGE_FILES to write: how to notice that an image changed")
    parser.add_output("unreadable", "JSON of images that are left out to write")
    args = parser.parse_args(argv)
    job = IndexImagesJob.parse(args.settings)
    raw = annotation_files(job.dataset_name, job.dataset, args.data_root)
    made = parser.begin("index_images", args, outside=raw)

    from objectcrop.data.downloads.wanted import chosen_images
    from objectcrop.data.manifest import index_dataset, join_parts, require_readable, summarize
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.datasets import OpenImagesDataset, UnionDataset
    from objectcrop.study.settings.image_files import ImageFiles
    from objectcrop.tables import ANNOTATIONS, IMAGE_FILES, IMAGES, MANIFEST, read_table, write_table

    name, dataset = job.dataset_name, job.dataset
    if isinstance(dataset, UnionDataset):
        tables = [read_table(path, MANIFEST) for path in args.parts]
        index = join_parts(name, tables, [read_table(path, IMAGE_FILES) for path in args.part_files])
    elif job.base_name is not None and job.base is not None:
        (subset,) = [read_table(path, IMAGES) for path in args.subset_images]
        index = index_dataset(job.base_name, job.base, args.data_root, subset=subset, num_workers=args.threads)
    elif isinstance(dataset, OpenImagesDataset) and job.download is not None:
        subset = chosen_images(read_table(args.annotations[0], ANNOTATIONS), dataset, job.download)
        index = index_dataset(name, dataset, args.data_root, subset=subset, num_workers=args.threads)
    else:
        index = index_dataset(name, dataset, args.data_root, num_workers=args.threads)
    if isinstance(dataset, ImageFiles):
        require_readable(index, name=name, max_share=dataset.max_unreadable_share)
    if len(index.mismatched) > 0:
        print(f"{len(index.mismatched)} image(s) of another size than the annotations state: {args.unreadable}")
    write_json(args.unreadable, summarize(index))
    write_table(index.files, args.files, IMAGE_FILES)
    write_table(index.manifest, args.out, MANIFEST)
    made.finish()


if __name__ == "__main__":
    run(main)
