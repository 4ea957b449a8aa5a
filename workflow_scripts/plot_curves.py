"""Plot the losses of a table's runs over the images seen."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--summaries", type=Path, nargs="+", required=True, help="summaries of the runs")
    parser.add_argument("--out", type=Path, required=True, help="SVG to write")
    args = parser.parse_args(argv)

    from objectcrop.report.curves import draw_curves
    from objectcrop.runtime.atomic import read_json, write_text

    write_text(args.out, draw_curves([read_json(path) for path in args.summaries]))


if __name__ == "__main__":
    run(main)
