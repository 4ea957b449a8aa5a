"""A small study's files, as rules write them and with records, in an empty working folder: enough for every part of the page."""

import json
import statistics
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from objectcrop.boxes import Size, as_boxes
from objectcrop.identity.making import Work, begin
from objectcrop.identity.provenance import provenance
from objectcrop.report.figures.folder import write_figures
from objectcrop.report.page.content import ReportFiles
from objectcrop.report.samples import write_png
from objectcrop.report.sheets import SheetImage, proposal_sheet
from objectcrop.runtime.atomic import write_json
from objectcrop.study.jobs.report import FiguresJob, ReportJob
from workflow_scripts import draw_figures, plot_subset, write_report

SEEDS = (0, 1, 2)
CROPS = {"random-init": "untrained", "supervised": "supervised", "scene": "scene", "objects": "objects"}
CROPS |= {"boxes": "random boxes"}
METHODS = dict.fromkeys(("scene", "objects", "boxes"), "moco_v2")
METHODS |= {"random-init": "random_init", "supervised": "supervised"}
LABELS = {
    "random-init": "Random initialisation",
    "supervised": "Supervised, labels of the training images",
    "scene": "MoCo-v2 scene-scene",
    "objects": "MoCo-v2 obj-obj+dilate (LOD) <two heads>",
    "boxes": "MoCo-v2 random boxes of the same sizes",
}
GAINS = {"random-init": 0.0, "supervised": 31.0, "scene": 9.0, "objects": 15.5, "boxes": 9.4}
TABLE = {
    "title": "Linear evaluation on a small subset",
    "paper_table": "T4",
    "columns": [
        {"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "map"},
        {"task": "linear", "metric": "map_small", "label": "mAP of classes of small objects"},
    ],
    "rows": [
        *({"label": label, "run": run, "paper_row": label} for run, label in LABELS.items()),
        {"label": "Gain of objects", "difference": {"of": [LABELS["objects"]], "minus": [LABELS["scene"]]}},
        {"label": "Only quoted", "paper_row": LABELS["scene"]},
    ],
    "note": "A note & more.",
}
SIZES = {name: {"det_rate": value} for name, value in (("small", 0.125), ("medium", 0.25), ("large", None))}


PROVENANCE = cache(provenance)
"""Of the checkout, which git is asked for only once."""


def made(rule, outputs, inputs=None, settings=None, **options):
    """Write the records of files that exist, as a script does."""
    inputs = {name: [Path(file) for file in files] for name, files in (inputs or {}).items()}
    command = ["python", "-m", f"workflow_scripts.{rule}", "--settings", json.dumps(settings or {}), "--threads", "1"]
    with patch.multiple("objectcrop.identity.making", provenance=PROVENANCE, code_digest=lambda *_: "0123456789ab"):
        begin(Work(rule, settings or {}, options, inputs, [Path(file) for file in outputs], command)).finish()


def result(run, seed):
    rng = np.random.default_rng([seed, *run.encode()])
    value = 30.0 + GAINS[run] + 0.4 * float(rng.normal()) + seed
    return {
        "run": run,
        "task": "linear",
        "seed": seed,
        "metrics": {"map": value, "map_small": value / 2},
        "intervals": {"map": [value - 1.5, value + 1.5]},
        "precision": {"pretraining": "float32", "evaluation": "float32"},
        "cost": {"seconds": 12.0},
    }


def summary(run, seed, points=200):
    images = np.linspace(100, 40_000, points)
    wave = np.random.default_rng([seed, *run.encode()]).normal(size=points)
    history = [
        {"images_seen": x, "loss": 6 - x / 2e4, "loss_contrastive": 6 - x / 2e4 * GAINS[run] / 9 + 0.1 * y}
        for x, y in zip(images.tolist(), wave.tolist(), strict=True)
    ]
    monitored = [
        {"images_seen": 8000.0 * n, "feature_std_share": 0.6, "effective_rank": 9.0 + n + seed} for n in range(1, 6)
    ]
    views = {"regions": ["object", "dilated_object"] if run != "scene" else ["scene", "scene"], "proposals": "lod"}
    return {
        "run": run,
        "seed": seed,
        "cost": {"images_seen": 40_000, "seconds": 321.0, "images_per_s": 124.6},
        "history": history,
        "monitored": monitored,
        "features": "label-free",
        "settings": {"views": views | ({"proposals": None} if run == "scene" else {})},
    }


def sheet(path, columns=4, rows=2):
    rng = np.random.default_rng(0)
    images = [
        SheetImage(
            np.full((90, 120, 3), rng.integers(90, 255), dtype=np.uint8), as_boxes([[9, 9, 60, 60]]), as_boxes([])
        )
        for _ in range(columns * rows)
    ]
    write_png(proposal_sheet(images, columns=columns, cell=Size(240, 180)), path)
    return path


def counts(name, most):
    return {
        "num_images": 40,
        "num_boxes": 120,
        "images_per_class": [most, 9, 4],
        "objects_per_image": {"objects": [1, 2, 5], "images": [20, 15, 5]},
        "area_share": {"edges": [0.01, 0.1, 0.3, 1.0], "boxes": [60, 40, 20]},
        "centres": {"grid": 4, "boxes": np.full((4, 4), 7).tolist()},
        "median_area_share": 0.09,
    }


def cell(run, values=(), paper=None, faults=(), **changes):
    """A cell as a table's JSON holds it; of a difference `run` is None."""
    mean = statistics.fmean(values) if values else None
    base = {"run": run, "task": "linear", "metric": "map", "is_difference": run is None, "measured": list(values)}
    base |= {"mean": mean, "deviation": statistics.stdev(values) if len(values) > 1 else None, "interval": None}
    base |= {"paper": paper, "difference": None if mean is None or paper is None else mean - paper, "note": ""}
    return base | {"stale": "", "faults": list(faults)} | changes


def table_json(seeds=SEEDS, **stale):
    """The table as its JSON holds it; `stale` by run."""
    rows = []
    for place, (run, label) in enumerate(LABELS.items()):
        results = [result(run, seed) for seed in seeds]
        values = [one["metrics"]["map"] for one in results]
        ends = [statistics.fmean(sides) for sides in zip(*(one["intervals"]["map"] for one in results), strict=True)]
        paper, faults = 50.0 + GAINS[run], [3] if run == "objects" else []
        changes = {"interval": ends, "stale": stale.get(run, "")}
        cells = [cell(run, values, paper, faults, **changes), cell(run, [value / 2 for value in values])]
        rows.append({"label": label, "run": run, "gpu_hours": (0.5, 12.0, None, None, None)[place], "cells": cells})
    gains = [objects - scene for objects, scene in zip(*(rows[n]["cells"][0]["measured"] for n in (3, 2)), strict=True)]
    mean = statistics.fmean(gains)
    gain = [cell(None, gains, interval=[mean - 2.1, mean + 2.1]), cell(None, [value / 2 for value in gains])]
    rows.append({"label": "Gain of objects", "run": None, "gpu_hours": None, "cells": gain})
    quoted = cell(None, paper=59.0, is_difference=False)
    rows.append({"label": "Only quoted", "run": None, "gpu_hours": None, "cells": [quoted, quoted | {"paper": None}]})
    notes = ["A note & more.", "[a] This number stands in the text with another value."]
    return {"name": "small", "title": TABLE["title"], "paper_table": "T4", "rows": rows, "notes": notes}


def write_tables(seeds=SEEDS):
    """Write results, summaries and the table, with records, and its figures; the files of the report."""
    trained = [run for run in LABELS if run != "random-init"]
    for run in LABELS:
        for seed in seeds:
            folder, judged = Path(f"results/pretrain/{run}/s{seed}"), Path(f"results/eval/{run}/s{seed}/linear.json")
            write_json(folder / "summary.json", summary(run, seed))
            settings = {"run_name": run, "run": {"method": METHODS[run], "views": {"size_px": 96}}}
            made("pretrain", [folder / "summary.json"], settings=settings, seed=seed)
            write_json(judged, result(run, seed))
            task = settings | {"task": {"epochs": 30}}
            made("evaluate_linear", [judged], {"run-summary": [folder / "summary.json"]}, task, seed=seed)
    job = FiguresJob.model_validate({"table": TABLE, "crops": CROPS, "allow_stale": False})
    results = [Path(f"results/eval/{run}/s{seed}/linear.json") for run in LABELS for seed in seeds]
    table = Path("results/tables/small.json")
    write_json(table, table_json(seeds))
    made("render_table", [table], {"results": results}, {"table": TABLE, "seeds": list(seeds)})
    summaries = [Path(f"results/pretrain/{run}/s{seed}/summary.json") for run in trained for seed in seeds]
    arguments = ["--settings", job.as_json(), "--table", str(table), "--summaries", *map(str, summaries)]
    draw_figures.main([*arguments, "--out", "results/figures/small"])
    return {"tables": [table], "figures": [Path("results/figures/small")], "summaries": summaries}


def write_classes():
    import pandas as pd

    from objectcrop.report.class_analysis import analyse_classes, correlate
    from objectcrop.report.figures.classes import class_figures

    rng, labels = np.random.default_rng(0), list(LABELS.values())[2:4]
    columns = {"class_id": [f"/m/{n}" for n in range(40)], "name": [f"class {n}" for n in range(40)]}
    columns |= {"num_boxes": rng.integers(3, 900, 40), "mean_area_share": rng.random(40) / 2 + 0.01}
    table = pd.DataFrame(columns | {label: 50 * rng.random(40) for label in labels}).sort_values("mean_area_share")
    worst = {"label": labels[1], "rows": [{"name": "class 1", "average_precision": 2.5}]}
    write_json(Path("results/classes/small.json"), analyse_classes(table, labels) | {"worst": worst})
    figures = class_figures(table, labels, {label: correlate(table, label) for label in labels})
    write_figures(Path("results/classes/small"), figures)
    return {
        "class_analyses": [Path("results/classes/small.json")],
        "class_figures": [Path("results/classes/small")],
        "worst_images": [sheet(Path("results/classes/small.png"), rows=1)],
    }


def write_subset():
    folder = Path("results/ohms/ohms")
    split = {"num_images": 34, "num_classes": 3, "boxes_per_image": 3.5}
    split |= {"min_images_per_class": 4, "max_images_per_class": 19}
    steps = [{"rule": "two classes & more", "num_images": 91, "num_classes": 67}]
    rules = {"of": "drawn", "source": "ohms", "min_images_per_class": 4, "min_classes_per_image": 2}
    named = {"dataset": "ohms", "splits": {"train": split}, "steps": steps, "settings": rules}
    write_json(folder / "summary.json", named)
    per_class = {"num_boxes": [60, 40, 20], "mean_area_share": [0.05, 0.1, 0.4]}
    parts = {"subset_counts": counts("ohms", 19), "base_counts": counts("drawn", 30), "per_class": per_class}
    write_json(folder / "statistics.json", {"dataset": "ohms", "base": "drawn", "split": "train"} | parts)
    plot_subset.main(["--statistics", str(folder / "statistics.json"), "--out", str(folder / "figures")])
    return {
        "subsets": [folder / "summary.json"],
        "subset_statistics": [folder / "statistics.json"],
        "subset_figures": [folder / "figures"],
    }


def write_proposals():
    folder, shown = Path("results/proposals/ohms"), Path("results/inspect/ohms/lod")
    ends = {"corloc": (0.3, 0.45), "det_rate": (0.1, 0.2), "det_rate_small": (0.1, 0.15), "det_rate_medium": None}
    quality = {"corloc": 0.375, "det_rate": 0.15, "ap50": 0.05, "num_images_measured": 12, "by_object_size": SIZES}
    quality |= {"intervals": ends | {"det_rate_large": None}}
    quality |= {"costs": {"score_pairs": {"num_jobs": 7, "seconds": 12.5, "cpu_seconds": None, "max_memory_mb": 345.6}}}
    write_json(folder / "lod.json", {"mean_boxes": 9.5, "mean_area_share": 0.2, "features": "label-free features"})
    write_json(folder / "lod.quality.json", quality)
    index = {"num_readable": 3, "modes": {}, "orientations": {}, "unreadable": [], "mismatched": []}
    write_json(Path("results/images/ohms/unreadable.json"), index)
    return {
        "proposals": [folder / "lod.json"],
        "qualities": [folder / "lod.quality.json"],
        "sheets": [sheet(shown / f"{name}.png") for name in ("contact_sheet", "best", "worst")],
        "views": [sheet(Path(f"results/inspect/views/{run}.png"), 3, 4) for run in ("scene", "objects")],
        "predictions": [sheet(Path("results/eval/objects/s0/voc.png"))],
        "unreadable": [Path("results/images/ohms/unreadable.json")],
    }


def report_job(seeds=SEEDS, **changes):
    study = {"name": "small", "title": "A small study", "about": "About & more", "seeds": seeds}
    runs = dict.fromkeys(LABELS, "the same") | {"objects": "views.regions = ['object', 'dilated_object']"}
    base = {
        "study": study,
        "allow_stale": False,
        "checks_images": False,
        "tables": {"small": TABLE},
        "runs": runs,
        "crops": CROPS,
        "methods": METHODS,
        "subset_base_sources": {"ohms": "drawn"},
    }
    return ReportJob.model_validate(base | changes)


def write_page(seeds=SEEDS):
    """Write everything and the page; the page's path."""
    files = write_tables(seeds) | write_classes() | write_subset() | write_proposals()
    assert set(files) == set(ReportFiles._fields)
    arguments = ["--settings", report_job(seeds).as_json(), "--data-root", ".", "--out", "results/report/index.html"]
    for name, paths in files.items():
        arguments += [f"--{name.replace('_', '-')}", *map(str, paths)]
    write_report.main(arguments)
    return Path("results/report/index.html")
