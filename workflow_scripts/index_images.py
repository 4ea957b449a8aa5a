"""Open every image of a data set once and write its manifest; unreadable images are listed and left out."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON: "dataset_name", "dataset"; of a subset "base_name", "base"; for what was fetched "download"',
    )
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the data sets' paths start from")
    parser.add_argument("--threads", type=int, default=1, help="processes that decode")
    parser.add_argument("--subset-images", type=Path, nargs="*", default=[], help="IMAGES of a subset")
    parser.add_argument("--annotations", type=Path, nargs="*", default=[], help="ANNOTATIONS of what was fetched")
    parser.add_argument("--parts", type=Path, nargs="*", default=[], help="MANIFESTs of the parts of a union")
    parser.add_argument("--out", type=Path, required=True, help="MANIFEST to write")
    parser.add_argument("--unreadable", type=Path, required=True, help="JSON of unreadable images to write")
    args = parser.parse_args(argv)

    from objectcrop.data.downloads.wanted import chosen_pictures
    from objectcrop.data.manifest import index_dataset, join_parts, require_readable, summarize
    from objectcrop.data.readers.registry import parse_dataset
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.datasets import OpenImagesDataset, UnionDataset
    from objectcrop.study.settings.downloads import Download
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.study.settings.subsets import SubsetDataset
    from objectcrop.tables import ANNOTATIONS, IMAGES, MANIFEST, read_table, write_table

    settings = parse_settings(args.settings)
    name, dataset = settings["dataset_name"], parse_dataset(settings["dataset"])
    if isinstance(dataset, UnionDataset):
        index = join_parts(name, [read_table(path, MANIFEST) for path in args.parts])
    elif isinstance(dataset, SubsetDataset):
        (subset,) = [read_table(path, IMAGES) for path in args.subset_images]
        base = parse_dataset(settings["base"])
        index = index_dataset(settings["base_name"], base, args.data_root, subset=subset, num_workers=args.threads)
    elif isinstance(dataset, OpenImagesDataset) and args.annotations:
        download = Download.model_validate(settings["download"])
        subset = chosen_pictures(read_table(args.annotations[0], ANNOTATIONS), dataset, download)
        index = index_dataset(name, dataset, args.data_root, subset=subset, num_workers=args.threads)
    else:
        index = index_dataset(name, dataset, args.data_root, num_workers=args.threads)
    if not isinstance(dataset, UnionDataset):
        require_readable(index, name=name, max_share=dataset.max_unreadable_share)
    write_json(args.unreadable, summarize(index))
    write_table(index.manifest, args.out, MANIFEST)


if __name__ == "__main__":
    run(main)
