"""Tables of the workflow's own time, and of training steps on a GPU."""

from results_parts.cells import Result, number, pivot, values
from results_parts.document import Table


def workflow(result: Result) -> list[Table]:
    """Return what planning takes beside Snakemake alone, and what a job adds."""
    by_name, whose = values(result), ["ours", "Snakemake with our directives", "Snakemake alone"]
    rows = []
    for name, jobs in by_name.items():
        if name.endswith(", jobs"):
            study = name.removesuffix(", jobs")
            times = [[by_name[f"{study}, {who}, {kind} s"] for who in whose] for kind in ("processor", "wall")]
            rows += [
                [study, number(jobs), kind, *(f"{value:.2f}" for value in own), f"{own[0] / own[2]:.2f}"]
                for kind, own in zip(("processor", "wall"), times, strict=True)
            ]
    columns = ["study", "jobs", "seconds", *whose, "ours over Snakemake alone"]
    tables = [Table("Dry runs", columns, rows)]
    jobs = pivot(result, ["processor s", "wall s"], "a job, ")
    if jobs:
        notes = [
            "Jobs that do nothing; those with our directives also start Python. Runs less dry runs, over their jobs."
        ]
        tables.append(Table("What a job adds", ["", "processor s", "wall s"], jobs, notes=notes))
    return tables


def gpu(result: Result) -> list[Table]:
    """Return ceilings, what the timed steps came to, and the share of their bounds."""
    ceilings = [[row["name"].split(", ")[1].replace("_", " "), number(row["value"])] for row in result["rows"][:3]]
    fields = ["images_per_s", "data_wait_share", "peak_memory_gib", "mfu"]
    bounds = ["TFLOP a step", "GB a step, every operator", "GB a step, products alone"]
    shares = ["bound by every operator, ms", "share of the bound by every operator", "bound by products alone, ms"]
    shares.append("share of the bound by products alone")
    return [
        Table("Ceilings", ["", "measured"], ceilings),
        Table("Steps", ["method, fed by", *(field.replace("_", " ") for field in fields)], pivot(result, fields)),
        Table("What a step asks for", ["method", *bounds], pivot(result, bounds)),
        Table(
            "Bounds of a step",
            ["method", "every operator, ms", "share reached", "products alone, ms", "share reached"],
            pivot(result, shares),
        ),
    ]
