"""Stands in for a trainer: notes each start, works until a SIGTERM, takes its time to save, and ends after so many of these."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run
from objectcrop.runtime.signals import Stopped, stop_requests

SAVING_S = 4


def main(argv: Sequence[str] | None = None) -> None:
    path, limits = Path(sys.argv[1]), int(sys.argv[2])
    with stop_requests() as stop, path.open("a") as steps:
        steps.write(f"{os.environ['SLURM_JOB_ID']} {os.environ['SLURMD_NODENAME']}\n")
        steps.flush()
        if len(path.read_text().splitlines()) > limits:
            return
        while not stop:
            time.sleep(0.1)
        time.sleep(SAVING_S)
        print("saved", flush=True)
        raise Stopped(stop.exit_code)


if __name__ == "__main__":
    run(main)
