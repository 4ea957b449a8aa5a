"""Say how a file of the workflow was made: command, settings, inputs, code, versions, machine and cost, up the whole chain."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="any file under results/ that a rule wrote, from the working folder of the study")
    parser.add_argument("--row", help="of a table: only the results of this row, by its label")
    parser.add_argument("--column", help="of a table: only those of this column, by its label")
    parser.add_argument("--json", action="store_true", help="print a JSON list, the file itself first")
    args = parser.parse_args(argv)

    from objectcrop.data.watch import images_behind
    from objectcrop.identity.chain import Chain
    from objectcrop.identity.explanation import ancestors, as_json, explain
    from objectcrop.identity.lineage import newest_lineage
    from objectcrop.report.origin import results_of_cell
    from objectcrop.study.plan.paths import LINEAGES

    files = [args.file]
    if args.row is not None or args.column is not None:
        files = results_of_cell(args.file, args.row, args.column)
    chain = Chain(newest_lineage(Path(LINEAGES)), images_behind())
    records = ancestors(files)
    if args.json:
        print(json.dumps([as_json(record, chain) for record in records], indent=2))
    else:
        print("\n".join(explain(records, chain)))


if __name__ == "__main__":
    run(main)
