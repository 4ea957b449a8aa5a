"""Make one page of two studies: the settings that differ between them, and their tables side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="folder of results of a study that has a report, as results")
    parser.add_argument("second", type=Path, help="that of another, or of the same with other settings")
    parser.add_argument("--out", type=Path, default=Path("comparison.html"), help="HTML to write (%(default)s)")
    args = parser.parse_args(argv)

    from objectcrop.report.page.comparison import compare_studies, read_study
    from objectcrop.report.page.render import render_comparison
    from objectcrop.runtime.atomic import write_text

    pair = compare_studies(read_study(args.first), read_study(args.second))
    write_text(args.out, render_comparison(pair))
    print(f"{len(pair.settings)} settings differ; {len(pair.tables)} tables side by side: {args.out.resolve()}")


if __name__ == "__main__":
    run(main)
