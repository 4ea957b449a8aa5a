"""Say how far every training of this working folder has come, from the metrics that it leaves."""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from objectcrop.runtime.command import run

SHOWN = ("step", "epoch", "images_seen", "images_per_s", "loss")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the results")
    args = parser.parse_args(argv)
    print(f"{'run':32s} {'state':10s} " + " ".join(f"{name:>12s}" for name in SHOWN) + f" {'last':>8s}")
    for name, state, metrics, age_s in trainings(args.results):
        values = " ".join(f"{_short(metrics.get(key)):>12s}" for key in SHOWN)
        print(f"{name:32s} {state:10s} {values} {age_s:6.0f} s")


def trainings(results: Path) -> Iterator[tuple[str, str, dict[str, float], float]]:
    """Yield name, state, last metrics and their age in seconds of every pretraining that has begun."""
    for file in sorted(results.glob("pretrain/*/s*/checkpoints/metrics.jsonl")):
        folder = file.parents[1]
        lines = file.read_text(encoding="utf-8").splitlines()
        last = json.loads(lines[-1]) if lines else {}
        state = "done" if (folder / "summary.json").is_file() else "unfinished"
        yield f"{folder.parent.name} {folder.name}", state, last, time.time() - file.stat().st_mtime


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


if __name__ == "__main__":
    run(main)
