"""Writing what a benchmark measured: benchmarks/results/NAME.json, or in another folder for a short form."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = "BENCHMARK_RESULTS"
"""Environment variable that names another folder than benchmarks/results."""
RESULTS = Path(__file__).resolve().parents[1] / "results"


def record(name: str, result: Mapping[str, Any]) -> Path:
    """Write a file of results, with the commit and the machine, and return its path.

    Args:
        name: of the benchmark's file, without its end.
        result: `command`, `versions`, `rows` of name, value and unit, `ratios`; and `conditions`, what of the machine was used.
    """
    # here, as some benchmarks import nothing big until they have measured
    from first_run_parts.recorded import machine

    from objectcrop.identity.provenance import provenance

    conditions = result.get("conditions")
    whole = {
        **{key: value for key, value in result.items() if key != "conditions"},
        "machine": "; ".join([machine(), *([conditions] if conditions else [])]),
        "commit": provenance()["commit"],
    }
    path = Path(os.environ.get(FOLDER, RESULTS)) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    return path
