"""Plot the losses of a table's runs over the images seen."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from workflow_scripts.arguments import ScriptParser


def main(argv: Sequence[str] | None = None) -> None:
    parser = ScriptParser(__doc__)
    parser.add_input("summaries", "summaries of the runs", nargs="+")
    parser.add_output("out", "SVG to write")
    args = parser.parse_args(argv)
    made = parser.begin("plot_curves", args)

    from objectcrop.report.curves import draw_curves
    from objectcrop.runtime.atomic import read_json, write_text

    write_text(args.out, draw_curves([read_json(path) for path in args.summaries]))
    made.finish()


if __name__ == "__main__":
    run(main)
