"""Print the difference of two linear evaluations on the same test images, with its 95 % interval."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="scores of a linear evaluation (<task>.scores.npz)")
    parser.add_argument("second", type=Path, help="those of another one")
    args = parser.parse_args(argv)

    from objectcrop.evaluate.linear.comparison import compare_scores

    for name, values in compare_scores(args.first, args.second).items():
        low, high = values.interval or (float("nan"), float("nan"))
        print(
            f"{name}: {values.first:.2f} and {values.second:.2f}, difference {values.second - values.first:+.2f} "
            f"({low:+.2f} to {high:+.2f})"
        )


if __name__ == "__main__":
    run(main)
