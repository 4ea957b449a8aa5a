"""Disturb the tiny study with kills, full disks and damage, and compare it with one left alone: `python -m tests.chaos`."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.disk import small_disk
from tests.chaos.driver import Chaos, Wanted, random_kinds
from tests.chaos.results import differences, digests
from tests.conftest import ROOT, Workflow, copied

DISK_MB = 500


def main() -> int:
    """Disturb; the exit status is 1 if a file differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--fillings", type=int, default=2, help="times that the disk is full; a file system must be mounted"
    )
    parser.add_argument("--damages", type=int, default=1, help="files that lose bytes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--undisturbed", type=Path, help="folder of a finished tiny study; by default one is made")
    parser.add_argument("--keep", type=Path, default=ROOT / "build/chaos", help="folder for logs and summary")
    parser.add_argument("targets", nargs="*", help="of Snakemake; all by default")
    args = parser.parse_args()
    shutil.rmtree(args.keep, ignore_errors=True)
    args.keep.mkdir(parents=True)
    arguments = (*args.targets, *Workflow.tiny, "--cores", str(args.cores))
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="objectcrop-chaos-")))
        calm = args.undisturbed or copied(ROOT, work / "calm")
        if args.undisturbed is None:
            Workflow(calm).run(*arguments)
        if args.fillings and os.geteuid():
            print("the disk is not filled: a file system can be mounted by root alone", flush=True)
            args.fillings = 0
        folder = stack.enter_context(small_disk(work / "disk", DISK_MB)) if args.fillings else work
        study = Workflow(copied(ROOT, folder / "disturbed").resolve())
        wanted = Wanted(random_kinds(args.kills, args.seed), args.fillings, args.damages)
        chaos = Chaos(study, arguments, wanted, calm=calm, seed=args.seed, logs=args.keep)
        started = time.monotonic()
        try:
            chaos.run()
        finally:
            found = digests(study.folder)
            summary = chaos.story.as_json() | {"seconds": round(time.monotonic() - started), "digests": found}
            summary["different"] = differences(digests(calm), found)
            (args.keep / "summary.json").write_text(json.dumps(summary, indent=2, sort_keys=True))
        print(json.dumps({key: value for key, value in summary.items() if key != "digests"}, indent=2))
        print(f"{len(found)} files compared, {len(summary['different'])} differ")
        return 1 if summary["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
