"""Run the default study from drawing its scenes to the report, with a forecast at the start and overall progress."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run

RECORD = Path(__file__).resolve().parents[1] / "benchmarks/results/first_run.json"
PAGE, ANSWER = Path("results/report/index.html"), Path("logs/write_report.log")
"""The page, and what its script printed: the question and the answer."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, default=RECORD, help="what python benchmarks/first_run.py measured")
    parser.add_argument("--cores", default="all", help="cores for Snakemake")
    parser.add_argument("more", nargs="*", help="further arguments of Snakemake, after --")
    args = parser.parse_args(argv)

    from objectcrop.runtime.overall_progress import OverallProgress, read_forecast
    from objectcrop.ssl.training.calibration import calibration_seconds

    progress = OverallProgress(read_forecast(args.record, calibration_seconds()))
    command = [sys.executable, "-m", "snakemake", "--cores", args.cores, *args.more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    # a terminal's Ctrl-C reaches Snakemake and its jobs by itself; this process stays to show what they say
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
    assert process.stderr is not None
    for line in process.stderr:
        text = progress.read(line)
        if text is not None:
            print(text, file=sys.stderr, flush=True)
    if code := process.wait():
        sys.exit(code if code > 0 else 128 - code)
    print(*_answer(), f"The report: {PAGE.resolve()}", sep="\n")


def _answer() -> list[str]:
    lines = ANSWER.read_text(encoding="utf-8").splitlines() if PAGE.is_file() and ANSWER.is_file() else []
    return ["", *(line for line in lines if not line.startswith("report: "))]


if __name__ == "__main__":
    run(main)
