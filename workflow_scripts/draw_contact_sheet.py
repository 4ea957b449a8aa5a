"""Draw images with their proposals and their annotated objects: random ones, and those whose best proposal met best and worst."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run

COLUMNS, ROWS, CELL_WIDTH_PX, CELL_HEIGHT_PX = 6, 4, 190, 143


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "dataset_name", "source_name", "study_seed"')
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the images' paths start from")
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST")
    parser.add_argument("--annotations", type=Path, required=True, help="ANNOTATIONS")
    parser.add_argument("--proposals", type=Path, required=True, help="PROPOSALS")
    parser.add_argument("--out", type=Path, required=True, help="PNG of random images to write")
    parser.add_argument("--best", type=Path, required=True, help="PNG of the best images to write")
    parser.add_argument("--worst", type=Path, required=True, help="PNG of the worst to write")
    args = parser.parse_args(argv)

    from objectcrop.boxes import Size
    from objectcrop.report.pictures import proposal_sheet
    from objectcrop.report.samples import CHOICES, sample_shown, write_png
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table

    settings = parse_settings(args.settings)
    tables = (
        read_table(args.manifest, MANIFEST),
        read_table(args.annotations, ANNOTATIONS),
        read_table(args.proposals, PROPOSALS),
    )
    for choice, path in zip(CHOICES, (args.out, args.best, args.worst), strict=True):
        shown = sample_shown(*tables, args.data_root, count=COLUMNS * ROWS, seed=settings["study_seed"], choice=choice)
        write_png(proposal_sheet(shown, columns=COLUMNS, cell=Size(CELL_WIDTH_PX, CELL_HEIGHT_PX)), path)


if __name__ == "__main__":
    run(main)
