"""How much of each room's code the tests ran, from the JSON report of coverage.

What runs in processes of its own (Snakemake, torchrun, the workflow's scripts) is not counted.
"""

from collections import Counter
from pathlib import Path


def room(name: str) -> str:
    """Return the room of a file: `ssl/losses` of `objectcrop/ssl/losses/dense.py`, `boxes` of `objectcrop/boxes.py`."""
    parts = Path(name).with_suffix("").parts
    inner = parts[1:] if parts[0] == "objectcrop" else parts[:1]
    return "/".join(inner[:-1][:2] or inner)


def table(files: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """Return the lines of the table: room, lines of code, share that ran."""
    lines, ran = Counter[str](), Counter[str]()
    for name, report in files.items():
        for key in (room(name), "all"):
            lines[key] += report["summary"]["num_statements"]
            ran[key] += report["summary"]["covered_lines"]
    rows = [
        (name, lines[name], 100 * ran[name] / lines[name]) for name in sorted(lines) if lines[name] and name != "all"
    ]
    rows.append(("all", lines["all"], 100 * ran["all"] / max(lines["all"], 1)))
    return [f"{'room':26} {'lines':>6} {'ran':>6}", *(f"{name:26} {num:6} {share:5.1f}%" for name, num, share in rows)]
