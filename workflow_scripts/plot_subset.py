"""Plot what the objects of a subset are like, beside those of the data set that it was selected from."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from workflow_scripts.arguments import ScriptParser


def main(argv: Sequence[str] | None = None) -> None:
    parser = ScriptParser(__doc__)
    parser.add_input("statistics", "statistics of the subset (JSON)")
    parser.add_output("out", "folder of figures to write")
    args = parser.parse_args(argv)
    made = parser.begin("plot_subset", args)

    from objectcrop.report.figures.folder import write_figures
    from objectcrop.report.figures.subset import subset_figures
    from objectcrop.runtime.atomic import read_json

    write_figures(args.out, subset_figures(read_json(args.statistics)))
    made.finish()


if __name__ == "__main__":
    run(main)
