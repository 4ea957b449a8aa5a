"""Draw the scenes of a drawn data set under the data root, with boxes and masks; what is there is not drawn again."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help='JSON: "dataset_name", "dataset" (source drawn)')
    parser.add_argument("--data-root", type=Path, required=True, help="folder; scenes go to drawn/<dataset_name> in it")
    parser.add_argument("--threads", type=int, default=1, help="processes that draw; the scenes do not depend on it")
    parser.add_argument("--out", type=Path, required=True, help="JSON of counts and sizes to write")
    args = parser.parse_args(argv)

    import time

    from objectcrop.data.drawn.dataset import draw_dataset
    from objectcrop.data.drawn.summary import summarize_records
    from objectcrop.data.readers.registry import parse_dataset
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.datasets import DrawnDataset
    from objectcrop.study.settings.section import parse_settings, recorded

    given = parse_settings(args.settings)
    name, dataset = given["dataset_name"], parse_dataset(given["dataset"])
    if not isinstance(dataset, DrawnDataset):
        raise ValueError(f"datasets.{name}: only source 'drawn' can be drawn, got {dataset.source!r}")
    start = time.perf_counter()
    done = draw_dataset(name, dataset, args.data_root, num_workers=args.threads)
    seconds = time.perf_counter() - start
    summary = {
        "dataset": name,
        "settings": recorded(dataset),
        "splits": summarize_records(done["records"], dataset),
        "num_drawn_now": done["num_drawn"],
        "seconds": seconds,
        "scenes_per_second": done["num_drawn"] / seconds,
        "num_workers": args.threads,
    }
    write_json(args.out, summary)


if __name__ == "__main__":
    run(main)
