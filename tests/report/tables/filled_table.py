"""A table that has one of everything: two seeds, a difference, a quoted row, a stale cell, a row of a reduced budget, footnotes."""

from objectcrop.report.tables.budget import read_lengths, reduced_rows
from objectcrop.report.tables.cells import Measured, build_cells
from objectcrop.report.tables.costs import measured_hours
from objectcrop.report.tables.faults import Fault
from objectcrop.report.tables.filled import FilledTable
from objectcrop.study.jobs.report import TableJob
from objectcrop.study.paper import PaperValue, PaperValues

SCENE, OBJECTS = "MoCo-v2 scene-scene", "MoCo-v2 LOD obj-obj+dilate"
PAPER = PaperValues(
    {
        ("T4", SCENE, "OHMS_mAP"): PaperValue(49.8, ""),
        ("T4", OBJECTS, "OHMS_mAP"): PaperValue(59.1, "LOD's boxes"),
        ("T4", "Lost", "OHMS_mAP"): PaperValue(None, "NOT FOUND"),
        ("TEXT", "gain", "OHMS_mAP"): PaperValue(9.3, ""),
    }
)
FAULTS = [
    Fault(1, "The mean of batches of 256 & more.", (("T4", "*", "OHMS_mAP"), ("TEXT", "*", "OHMS_mAP"))),
    Fault(2, "Counts 100% of the boxes.", (("T4", OBJECTS, "*"),)),
]
TABLE = {
    "title": "Crops on OHMS_1 & others",
    "paper_table": "T4",
    "columns": [
        {"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "OHMS_mAP"},
        {"task": "linear", "metric": "top1", "label": "top-1, % | all", "decimals": 2},
    ],
    "rows": [
        {"label": "Random initialisation", "run": "random-init"},
        {"label": "Scene-scene", "run": "scene", "paper_row": SCENE},
        {"label": "[LOD] obj_obj", "run": "objects", "paper_row": OBJECTS, "note": "Dilated by 0.1 – our choice."},
        {"label": "Lost", "paper_row": "Lost"},
        {
            "label": "LOD - scene",
            "difference": {"of": ["[LOD] obj_obj"], "minus": ["Scene-scene"]},
            "paper_table": "TEXT",
            "paper_row": "gain",
        },
    ],
    "note": "A table of a test.",
}
JOB = TableJob.model_validate(
    {
        "table_name": "crops",
        "table": TABLE,
        "allow_stale": True,
        "checks_images": False,
        "seeds": [0, 1],
        "gpus_of_runs": {"scene": 1, "objects": 4, "random-init": 0},
        "gpus_of_tasks": {"linear": 1},
    }
)
VALUES = {
    "random-init": [(10.0, 3.0), (10.0, 3.0)],
    "scene": [(48.0, 20.5), (50.0, 21.0)],
    "objects": [(57.5, 25.0), (58.0, 27.0)],
}
IMAGES_SEEN = {"scene": 42_500_000, "objects": 4_255_060}


def results():
    return [
        {
            "run": run,
            "seed": seed,
            "task": "linear",
            "metrics": {"map": map_, "top1": top1},
            "intervals": {"map": [map_ - 2, map_ + 3]},
            "precision": {"pretraining": "none" if run == "random-init" else "bfloat16", "evaluation": "float32"},
            "cost": {"seconds": 1800.0},
        }
        for run, seeds in VALUES.items()
        for seed, (map_, top1) in enumerate(seeds)
    ]


def filled_table():
    summaries = [
        {"run": run, "cost": {"images_seen": images, "seconds": 7200.0}}
        for run, images in IMAGES_SEEN.items()
        for _ in range(2)
    ]
    measured = Measured(
        results(), {("objects", "linear"): "results/eval/objects/s0/linear.json was made with other settings"}
    )
    cells = build_cells(JOB.table, measured, PAPER, FAULTS)
    hours = measured_hours(JOB, summaries, measured.results)
    return FilledTable(JOB.table, cells, hours, reduced_rows(JOB, summaries, read_lengths()), JOB.table_name)
