"""Draw the views of a run: sample images with regions and crops, and the two views as they are trained on."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run

NUM_SAMPLES, CELL_WIDTH_PX, CELL_HEIGHT_PX = 6, 214, 160


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "run_name", "run", "study_seed"')
    parser.add_argument("--data-root", type=Path, required=True, help="folder that the images' paths start from")
    parser.add_argument("--manifest", type=Path, required=True, help="MANIFEST of the run's data set")
    parser.add_argument("--proposals", type=Path, nargs="*", default=[], help="PROPOSALS and their summary (JSON)")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    args = parser.parse_args(argv)

    from objectcrop.boxes import Size
    from objectcrop.report.pictures import view_sheet
    from objectcrop.report.samples import sample_views, write_png
    from objectcrop.runtime.atomic import read_json
    from objectcrop.study.settings.runs import Run
    from objectcrop.study.settings.section import parse_settings
    from objectcrop.tables import MANIFEST, PROPOSALS, read_table

    settings = parse_settings(args.settings)
    run_settings = Run.model_validate(settings["run"])
    samples = sample_views(
        run_settings,
        read_table(args.manifest, MANIFEST),
        read_table(args.proposals[0], PROPOSALS) if args.proposals else None,
        read_json(args.proposals[1]) if args.proposals else None,
        args.data_root,
        count=NUM_SAMPLES,
        study_seed=settings["study_seed"],
    )
    sheet = view_sheet(samples, cell=Size(CELL_WIDTH_PX, CELL_HEIGHT_PX), view_px=run_settings.views.size_px)
    write_png(sheet, args.out)


if __name__ == "__main__":
    run(main)
