"""Tables of the steps of training from what benchmarks/step.py measured."""

from collections.abc import Mapping
from typing import Any

from results_parts.cells import number, values
from results_parts.document import Table

TITLES = {"moco": "MoCo-v2", "oac": "OAC, literal", "densecl": "DenseCL", "byol": "BYOL"}
PEERS, OVER = ("lightly", "plain"), "oac_over_moco"


def tables(result: Mapping[str, Any]) -> list[Table]:
    """Return the step of each method that was measured beside its peers, and OAC's readings beside MoCo-v2."""
    by_name, by_ratio = values(result), result["ratios"]
    steps = []
    for name, title in [item for item in TITLES.items() if f"{item[0]}, ours" in by_name]:
        times = [number(by_name.get(f"{name}, {who}")) for who in ("ours", *PEERS)]
        steps.append([title, *times, *(_with_interval(result, f"{who}_{name}") for who in PEERS)])
    readings = [["literal", number(by_name["oac, ours"]), _with_interval(result, OVER)]] if OVER in by_ratio else []
    for name in [name for name in by_ratio if name.startswith(f"{OVER}, ")]:
        reading = name.removeprefix(f"{OVER}, ")
        readings.append([reading, number(by_name[f"oac, {reading}"]), _with_interval(result, name)])
    brackets = ["In brackets: 95% interval of the median over rounds."] if "intervals" in result else []
    split = number(by_name["moco, split batch norm"])
    shown = [
        Table(
            "A step of each method",
            ["", "ours, ms", "lightly, ms", "plain, ms", "lightly over ours", "plain over ours"],
            steps,
            ["Ratios are the peer's time over ours: above 1 ours is faster.", *brackets],
            [f"MoCo-v2 with its default, split batch norm in groups of 32: {split} ms.", "lightly has no OAC."],
        )
    ]
    return (
        [*shown, Table("Readings of OAC beside MoCo-v2", ["reading", "ms", "over MoCo-v2"], readings)]
        if readings
        else shown
    )


def _with_interval(result: Mapping[str, Any], name: str) -> str:
    """Return a ratio, with its interval where one was recorded; nothing if it was not measured."""
    if name not in result["ratios"]:
        return ""
    low, high = result.get("intervals", {}).get(name, (None, None))
    beside = "" if low is None else f" ({low:.2f} to {high:.2f})"
    return number(result["ratios"][name], 3) + beside
