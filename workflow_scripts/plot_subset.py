"""Plot what the objects of a subset are like, beside those of the data set that it was selected from."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statistics", type=Path, required=True, help="statistics of the subset (JSON)")
    parser.add_argument("--out", type=Path, required=True, help="SVG to write")
    args = parser.parse_args(argv)

    from objectcrop.report.subset_figures import draw_subset
    from objectcrop.runtime.atomic import read_json, write_text

    write_text(args.out, draw_subset(read_json(args.statistics)))


if __name__ == "__main__":
    run(main)
