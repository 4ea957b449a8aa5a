"""Run every benchmark of the CPU in a short form, then write docs/results; `make bench`, half an hour by estimate.

The forms and their minutes stand in `results_parts/short_forms.py`. They write benchmarks/results/short, and so leave the results
of the long forms, from which the pages are made, as they are; docs/results/benchmarks.md has the key figures of both. Prints how
long each took. `--only` runs some; `--long` runs the long forms, for hours, and writes benchmarks/results.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from results_parts.record import FOLDER, RESULTS
from results_parts.short_forms import MOST_MINUTES, SHORT

from objectcrop.identity.provenance import provenance

HERE = Path(__file__).resolve().parent


class Took(NamedTuple):
    """Minutes of a benchmark."""

    wall_min: float
    processor_min: float


def run(script: Path, arguments: Sequence[str], folder: Path, commit: str | None) -> Took:
    """Run a benchmark and add to its results how long it took, and the commit: what others wrote before may be tracked.

    Raises:
        CalledProcessError: if it fails.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, str(script), *arguments], check=True, env=os.environ | {FOLDER: str(folder)})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = Took((time.monotonic() - start) / 60, processor_s / 60)
    path = folder / f"{script.stem}.json"
    minutes = {name: round(value, 2) for name, value in took._asdict().items()}
    result = json.loads(path.read_text(encoding="utf-8")) | {"commit": commit, "took": minutes}
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(SHORT), default=tuple(SHORT), metavar="NAME")
    parser.add_argument("--long", action="store_true", help="the long forms")
    args = parser.parse_args()
    folder, commit = RESULTS if args.long else RESULTS / "short", provenance()["commit"]
    times = {}
    for name in args.only:
        print(f"\n{name}", flush=True)
        times[name] = run(HERE / f"{name}.py", () if args.long else SHORT[name].arguments, folder, commit)
    subprocess.run([sys.executable, str(HERE / "write_results.py")], check=True)
    print(f"\n{'':24}{'minutes':>10}{'processor':>12}{'share':>8}")
    for name, took in times.items():
        print(f"{name:24}{took.wall_min:10.1f}{took.processor_min:12.1f}{SHORT[name].minutes:8.1f}")
    whole = sum(took.wall_min for took in times.values())
    print(f"{'all':24}{whole:10.1f}")
    if not args.long and whole > MOST_MINUTES:
        print(f"more than {MOST_MINUTES} minutes: the machine does other work, or a form is too long (short_forms.py)")


if __name__ == "__main__":
    main()
