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
        steps.append([title, *times, *(number(by_ratio.get(f"{who}_{name}"), 3) for who in PEERS)])
    readings = [["literal", number(by_name["oac, ours"]), number(by_ratio[OVER], 3)]] if OVER in by_ratio else []
    for name in [name for name in by_ratio if name.startswith(f"{OVER}, ")]:
        reading = name.removeprefix(f"{OVER}, ")
        readings.append([reading, number(by_name[f"oac, {reading}"]), number(by_ratio[name], 3)])
    split = number(by_name["moco, split batch norm"])
    shown = [
        Table(
            "A step of each method",
            ["", "ours, ms", "lightly, ms", "plain, ms", "lightly over ours", "plain over ours"],
            steps,
            ["Ratios are the peer's time over ours: above 1 ours is faster."],
            [f"MoCo-v2 with its default, split batch norm in groups of 32: {split} ms.", "lightly has no OAC."],
        )
    ]
    return (
        [*shown, Table("Readings of OAC beside MoCo-v2", ["reading", "ms", "over MoCo-v2"], readings)]
        if readings
        else shown
    )
