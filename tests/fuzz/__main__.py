"""Feed changed files to every reader and count what they lead to: `python -m tests.fuzz --inputs 100000`."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from objectcrop.runtime.progress import Progress
from tests.fuzz.outcomes import READ, REJECTED, fuzz, limit_memory
from tests.fuzz.readers import all_readers

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 2 << 30
AT_ONCE = 50


def main() -> int:
    """Fuzz; the exit status is 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000, help="files in all, shared among the readers")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="readers, by name")
    parser.add_argument("--keep", type=Path, help="folder for the first file of each fault")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as seeds, tempfile.TemporaryDirectory() as folder:
        readers = {name: one for name, one in all_readers(ROOT, Path(seeds)).items() if name in (args.only or [name])}
        limit_memory(MEMORY_BYTES)
        counts = {name: {"inputs": 0, READ: 0, REJECTED: 0} for name in readers}
        found: dict[str, str] = {}
        end = time.monotonic() + args.seconds
        with Progress("fuzz", total=args.inputs, unit="files") as progress:
            for turn in range(-(-args.inputs // (AT_ONCE * len(readers)))):
                for name, reader in readers.items():
                    if time.monotonic() > end:
                        break
                    results, faults = fuzz(reader, AT_ONCE, Path(folder), seed=hash((args.seed, turn)) % 2**32)
                    counts[name] = {key: counts[name][key] + results[key] for key in (READ, REJECTED)} | {
                        "inputs": counts[name]["inputs"] + AT_ONCE
                    }
                    for fault, data in faults.items():
                        _note(f"{name}: {fault}", data, found, args.keep, reader.suffix)
                    progress.advance(AT_ONCE, faults=len(found))
    print(
        json.dumps(
            {"readers": counts, "inputs": sum(one["inputs"] for one in counts.values()), "faults": found}, indent=2
        )
    )
    return 1 if found else 0


def _note(fault: str, data: bytes, found: dict[str, str], keep: Path | None, suffix: str) -> None:
    if fault in found:
        return
    found[fault] = ""
    print(fault, file=sys.stderr, flush=True)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        path = keep / f"{len(found):03d}{suffix}"
        path.write_bytes(data)
        found[fault] = str(path)


if __name__ == "__main__":
    sys.exit(main())
