"""Tables of each benchmark from the JSON that it wrote: a function of the name of its file."""

import statistics
from collections.abc import Mapping

from results_parts.cells import FASTER, Result, all_rows, number, pivot, ratios, values
from results_parts.document import Table
from results_parts.effect import tables as tables_of_effect
from results_parts.speed import gpu, workflow
from results_parts.step import tables as tables_of_step

__all__ = ["gpu", "workflow"]


def coco_metric(result: Result) -> list[Table]:
    """Return time and memory of both evaluators, and how far their numbers differ."""
    by_name, ends = values(result), ["processor s", "peak"]
    differences = [value for name, value in by_name.items() if name.endswith("largest difference of AP and AR")]
    return [
        Table(
            "What a metric takes",
            ["", "processor s", "peak, MiB"],
            pivot(result, ends),
            notes=[f"The twelve numbers of both, in percent, differ by at most {number(max(differences))}."],
        ),
        ratios(result, "The time of pycocotools over that of faster-coco-eval, both measured in the same run."),
    ]


def oac_price(result: Result) -> list[Table]:
    """Return what each reading of the extra losses costs."""
    ends = ["GFLOP a pair", "step over MoCo-v2", "mAP"]
    notes = [
        "mAP: of the demo's scenes, means of three seeds (`presets/oac_readings.yaml`, decision 0015); there the smaller whole"
        " image has two thirds of the side. No difference to the literal reading is beyond its interval."
    ]
    return [Table("Readings of the extra losses", ["losses: reading", *ends], pivot(result, ends), notes=notes)]


def drawn(result: Result) -> list[Table]:
    """Return the rates of drawing scenes, by size of the image and of the objects."""
    ends = ["scenes a second", "scenes a processor second", "kB a scene"]
    first = number(values(result)["first 40 scenes and tiles"])
    return [
        Table(
            "Drawing scenes in one process",
            ["scenes, objects", *ends],
            pivot(result, ends),
            notes=[f"The first 40 scenes, with the surface tiles that each process makes once: {first} s."],
        )
    ]


def effect(result: Result) -> list[Table]:
    """Return what the effect study found."""
    return tables_of_effect(result)


def step(result: Result) -> list[Table]:
    """Return each method's step beside its peers, and OAC's readings beside MoCo-v2."""
    return tables_of_step(result)


def first_run(result: Result) -> list[Table]:
    """Return what each rule of the demo took, and networks in both precisions."""
    by_name = values(result)
    rules = [name.removeprefix("job ") for name in by_name if name.startswith("job ")]
    jobs = [[rule, number(by_name[f"jobs {rule}"]), number(by_name[f"job {rule}"])] for rule in rules]
    tables = [
        Table("Jobs", ["rule", "jobs", "mean, s"], jobs, [f"The whole run took {number(by_name['whole run'])} s."])
    ]
    if together := result["ratios"].get("bfloat16_over_float32"):  # left out by --steps 0
        stages = [[*row, ratio(by_name, row[0])] for row in pivot(result, ["float32", "bfloat16"])]
        about = ["Extrapolated from a few steps of each. The processor has no native bfloat16."]
        note = f"All together: {number(together)} times as long in bfloat16."
        tables += [
            Table("Networks by precision", ["stage", "float32, s", "bfloat16, s", "ratio"], stages, about, [note])
        ]
    return tables


def ratio(seconds: Mapping[str, float], stage: str) -> str:
    """Return how many times as long bfloat16 takes."""
    return number(seconds[f"{stage}, bfloat16"] / seconds[f"{stage}, float32"], 3)


def loader(result: Result) -> list[Table]:
    """Return pairs a second of scenes and of objects beside the classic loader, then fidelity, memory and processes."""
    sizes, by_ratio = ["640x480", "1024x768"], result["ratios"]
    rows = pivot(result, sizes)
    tables = []
    for kind, title in (("scenes", "Scene pairs a second"), ("objects", "Object pairs a second")):
        own = [row for row in rows if row[0].startswith(kind) and not row[0].endswith(OF_NO_RATE)]
        # a peer that was not there has rows without values
        own = [[cell or "not installed" for cell in row] for row in own]
        beside = [
            [
                f"{by_ratio[name]:.2f}"
                if (name := f"{row[0]}, {size}") in by_ratio
                else "1" * row[0].endswith("classic")
                for size in sizes
            ]
            for row in own
        ]
        cells = [
            [row[0].removeprefix(f"{kind}, "), row[1], ratio[0], row[2], ratio[1]]
            for row, ratio in zip(own, beside, strict=True)
        ]
        tables.append(Table(title, ["", sizes[0], "x classic", sizes[1], "x classic"], cells))
    others = [row for row in rows if row[0].endswith(OF_NO_RATE) or row[0].startswith("kilobytes")]
    return [*tables, *_stages(result), Table("Crops, memory, files, processes", ["", *sizes], others)]


def _stages(result: Result) -> list[Table]:
    """Return the milliseconds of an object pair, stage by stage, beside their floors; nothing for results without them."""
    by_size = result.get("stages", {})
    if not by_size:
        return []
    rows = []
    for same in zip(*by_size.values(), strict=True):
        times = [
            cell
            for stage in same
            for cell in (number(stage["ms"], 3), number(stage["floor_ms"], 3) if stage["floor"] else "")
        ]
        rows.append([same[0]["name"], *times, same[0]["floor"]])
    header = ["", *(cell for size in by_size for cell in (f"{size}, ms", "floor, ms")), "floor"]
    return [Table("Stages of an object pair", header, rows)]


OF_NO_RATE = ("crops against Pillow's", "memory of a worker", "workers")
"""Ends of rows that are not rates of one core."""


def lod(result: Result) -> list[Table]:
    """Return the rates of one core, and what they come to for two sizes of collections."""
    costs = result["costs"]
    few, many = costs
    names = {"core_hours": "core-hours", "disk_gb": "GB on disk", "memory_gb": "GB of memory, a job"}
    rows = []
    for name in costs[few]:
        kind = next(kind for kind in names if name.endswith(kind))
        label = name.removesuffix(f"_{kind}").replace("_", " " if kind == "disk_gb" else "_")
        rows.append([f"{label}, {names[kind]}", number(costs[few][name], 3), number(costs[many][name], 3)])
    return [
        Table(
            "Costs of a collection, reckoned from the rates",
            ["", f"{int(few):,} images", f"{int(many):,} images"],
            rows,
            [
                "Settings of `presets/openimages_full.yaml`: 200 regions of 512 numbers in half precision, 50 neighbours, "
                "100 scores a pair, 200 steps of the ranking. `--kept-rates` reckons again from the rates below.",
            ],
            ["GPU-hours are not measured: no machine with a GPU was at hand."],
        ),
        all_rows(result),
        ratios(result, FASTER),
    ]


def lod_memory(result: Result) -> list[Table]:
    """Return peaks of the jobs of LOD and what their rules ask for."""
    by_name = values(result)
    sizes = [name.split(", ")[1] for name in by_name if name.startswith("find_neighbours, ") and name.count(", ") == 1]
    few, many = [size for size in sizes if size.isdigit()]
    ends = ["an image", few, many, "1700000, extrapolated", "1700000, asked"]
    columns = ["job", "bytes an image", f"{int(few):,}", f"{int(many):,}", "1.7 million", "asked there"]
    return [
        Table(
            "Peaks in MB, by the number of images",
            columns,
            pivot(result, ends),
            ["The peak at 1.7 million images is extrapolated from a line through the other two."],
        )
    ]


def ohms(result: Result) -> list[Table]:
    """Return time and memory of making OHMS, beside plain pandas."""
    by_name = values(result)
    sizes = sorted({int(part) for name in by_name for part in name.split("_") if part.isdigit()})
    jobs = dict.fromkeys(name[: -len(f"_{sizes[0]}")] for name in by_name if name.endswith(f"_{sizes[0]}"))
    rows = [
        [job, f"{size:,}", *(number(by_name[f"{job}_{size}{end}"]) for end in ("", "_per_row", "_processor", "_peak"))]
        for size in sizes
        for job in jobs
    ]
    columns = ["job", "boxes", "s", "us a row", "processor s", "peak, GiB"]
    notes = ["`rules`: both jobs, one after the other, start-up included. `plain_pandas`: `read_csv` and `groupby`."]
    return [Table("A box CSV of Open Images' size", columns, rows, notes=notes), ratios(result, FASTER)]


def instruction_sets(result: Result) -> list[Table]:
    """Return for each run what each way of computing differs by from the machine's own kernels in float32."""
    by_name = values(result)
    heads = dict.fromkeys(name.split(": ")[0] for name in by_name)
    runs, ways = (dict.fromkeys(head.split(", ", 1)[place] for head in heads) for place in (0, 1))
    base, *others = ways
    measures = [name.split(": ")[1] for name in by_name if name.startswith(f"{next(iter(runs))}, {others[0]}: ")]
    return [
        Table(
            f"{run}: beside {base}",
            ["", *others],
            [[what, *(number(by_name[f"{run}, {way}: {what}"], 3) for way in others)] for what in measures],
            notes=[f"mAP with {base}: {by_name[f'{run}, {base}: mAP']:.1f}."],
        )
        for run in runs
    ]


def running_statistics(result: Result) -> list[Table]:
    """Return mAP of both ways by seed."""
    by_name = values(result)
    old, new = "counted", "left out"
    seeds = sorted(name.split(", ")[1] for name in by_name if name.startswith(f"{old}, "))
    pairs = {seed: (by_name[f"{old}, {seed}"], by_name[f"{new}, {seed}"]) for seed in seeds}
    pairs["mean"] = tuple(statistics.fmean(pair[index] for pair in pairs.values()) for index in (0, 1))
    rows = [[seed, f"{first:.2f}", f"{then:.2f}", f"{then - first:+.2f}"] for seed, (first, then) in pairs.items()]
    moved = {way: number(by_name[f"updates, {way}"]) for way in (old, new)}
    return [
        Table(
            "Linear evaluation on drawn scenes, mAP in percent",
            ["", "extra passes counted (recipe 1)", "extra passes left out (recipe 2)", "difference"],
            rows,
            notes=[f"The statistics moved {moved[old]} times with recipe 1 and {moved[new]} times with recipe 2."],
        )
    ]


def pair_content(result: Result) -> list[Table]:
    """Return what crops have in common, by scenes and crops."""
    ends = ["crops with object", "pairs with same object", "background share", "common background share", "area share"]
    return [Table("Means over pairs, shares of 0 to 1", ["scenes, crops", *ends], pivot(result, ends))]


def supervised_loss(result: Result) -> list[Table]:
    """Return first gradients and trials of the supervised losses."""
    labels = [f"{count} labels an image" for count in (2, 4, 8)]
    trials = {name.removesuffix(", mAP"): value for name, value in values(result).items() if name.endswith(", mAP")}
    seeds = sorted({name.split(", ")[-1] for name in trials})
    losses = dict.fromkeys(name.rsplit(", ", 1)[0] for name in trials)
    guess = next(value for name, value in values(result).items() if name.startswith("trial, share"))
    return [
        Table(
            "Length of the trunk's first gradient over that of softmax cross-entropy",
            ["loss", *labels],
            [[row[0], *(f"{float(cell):.2g}" for cell in row[1:])] for row in pivot(result, labels, "gradient, ")],
            ["208 classes, quarter-width ResNet-18, random images, a batch of 64."],
        ),
        Table(
            "Test mAP of the network's own linear layer, percent",
            ["loss", *seeds],
            [
                [loss.removeprefix("trial, "), *(f"{trials[f'{loss}, {seed}']:.1f}" for seed in seeds)]
                for loss in losses
            ],
            [
                "Drawn scenes of 24 classes, 1 to 3 large objects, 3,000 training and 600 test scenes. 10 epochs at 48 px, SGD "
                "at 0.0075 for a batch of 64.",
            ],
            [f"A constant guess has {guess:.1f}."],
        ),
    ]


def recorded(result: Result) -> list[Table]:
    """Return the tables of a file that holds them as they were printed."""
    return [Table(**table) for table in result["tables"]]


def probe(result: Result) -> list[Table]:
    """Return every row, and what several rates at once save."""
    names = {"one_rate_at_a_time": "5 rates one at a time"}
    return [all_rows(result), ratios(result, FASTER, names)]
