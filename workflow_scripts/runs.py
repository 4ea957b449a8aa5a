"""List the runs of result folders, show one, or compare two runs or two folders."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.atomic import write_text
from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", metavar="list | show | compare")
    listed = actions.add_parser("list", help="state, rate, time left, metrics and cost; without any word, of `results`")
    listed.add_argument("folders", nargs="*", type=Path, default=[Path("results")], help="of results (results)")
    listed.add_argument("--where", nargs="+", default=[], help="as state=training run=oac* linear.map>30", metavar="IS")
    listed.add_argument("--metrics", nargs="+", default=[], help="to print, as linear.map; the main ones by default")
    listed.add_argument("--csv", type=Path, help="file to write all columns to, instead of printing")
    shown = actions.add_parser("show", help="all that is known of a run: settings, digests, versions, metrics, cost")
    shown.add_argument("run", help="as oac, oac/s0, or the folder of one, as ../other/results/pretrain/oac")
    compared = actions.add_parser("compare", help="settings, code, versions and metrics of two, with intervals")
    compared.add_argument("first", help="a run as above, or a folder of results")
    compared.add_argument("second", help="another run, or another folder")
    compared.add_argument("--out", type=Path, help="page to write too (HTML)")
    for one in (shown, compared):
        one.add_argument("--results", type=Path, default="results", help="that bare names are of (%(default)s)")
    args = parser.parse_args(list(sys.argv[1:] if argv is None else argv) or ["list"])
    {"list": list_runs, "show": show_run, "compare": compare_runs}[args.action](args)


def list_runs(args: argparse.Namespace) -> None:
    from objectcrop.registry.listing import as_csv, as_table, list_rows

    rows = list_rows(args.folders, args.where)
    print(as_table(rows, args.metrics)) if args.csv is None else write_text(args.csv, as_csv(rows))


def show_run(args: argparse.Namespace) -> None:
    from objectcrop.registry.places import select
    from objectcrop.registry.showing import show_selected

    print("\n".join(show_selected(select(args.run, args.results))))


def compare_runs(args: argparse.Namespace) -> None:
    from objectcrop.registry.comparison import compare
    from objectcrop.registry.page import render_comparison
    from objectcrop.registry.places import select
    from objectcrop.registry.words import in_words

    pair = compare(select(args.first, args.results), select(args.second, args.results))
    print("\n".join(in_words(pair)))
    if args.out is not None:
        write_text(args.out, render_comparison(pair))


if __name__ == "__main__":
    run(main)
