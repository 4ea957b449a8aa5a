"""Six drawn images with their objects and proposals, as the tables that build_inspection reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from objectcrop.boxes import Size
from objectcrop.tables import ANNOTATIONS, CLASSES, MANIFEST, PROPOSALS, write_table

SIZE = Size(200, 100)
NUM_IMAGES = 6
BALL, GROUP = (20, 20, 80, 80), (120, 10, 190, 90)
# image: proposals in rank order; the ball is hit at once by 0, late by 1, touched by 2, missed by 3, without any by 4, 5
RANKED = {
    0: [(20, 20, 80, 80)],
    1: [(150, 0, 200, 50), (22, 20, 80, 80)],
    2: [(20, 20, 80, 40)],
    3: [(150, 0, 200, 50)],
}
ROOT = Path(__file__).resolve().parents[2]


def write_study(folder: Path, *, num_images: int = NUM_IMAGES) -> Path:
    """Images under data/, tables beside it."""
    (folder / "data/scenes").mkdir(parents=True)
    images, objects, proposals = [], [], []
    for number in range(num_images):
        key = f"scene-{number}"
        image = Image.new("RGB", SIZE, (90, 100, 110))
        ImageDraw.Draw(image).ellipse(BALL, fill=(200, 180, 40))
        ImageDraw.Draw(image).rectangle(GROUP, fill=(60, 60, 160))
        image.save(folder / f"data/scenes/{key}.jpg")
        images.append((key, f"scenes/{key}.jpg", *SIZE, 1, "train", "0" * 16))
        for box, class_id, is_group in ((BALL, "/m/ball", False), (GROUP, "/m/crate", True)):
            relative = [side / limit for side, limit in zip(box, SIZE * 2, strict=True)]
            objects.append((key, class_id, *relative, is_group, False, False, "drawn", "train"))
        ranked = RANKED.get(number, [])
        proposals += [(key, rank, *box, 1 / (1 + rank)) for rank, box in enumerate(ranked)]
    images.append(("other", "scenes/other.jpg", *SIZE, 1, "test", "0" * 16))  # a split without proposals
    (folder / "summary.json").write_text(json.dumps({"object_scale_min": 0.5}))
    classes = [("/m/ball", "Ball", 6), ("/m/crate", "Crate", 6)]
    for file, schema, rows in (
        ("manifest", MANIFEST, images),
        ("annotations", ANNOTATIONS, objects),
        ("proposals", PROPOSALS, proposals),
        ("classes", CLASSES, classes),
    ):
        write_table(pd.DataFrame(rows, columns=list(schema.columns)), folder / f"{file}.parquet", schema)
    return folder


def settings(*, with_run: bool) -> str:
    views = {"regions": ["object", "dilated_object"], "proposals": "lod"}
    value = {
        "dataset_name": "drawn",
        "source_name": "lod",
        "inspection": {"pairs_per_image": 3},
        "study_seed": 0,
        "run": {"dataset": "drawn", "views": views} if with_run else None,
    }
    return json.dumps(value)


def call(
    script: str, *arguments: str, cwd: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """Run a script in a process of its own: FiftyOne warns, and lives until its process ends."""
    done = subprocess.run(
        [sys.executable, "-m", f"workflow_scripts.{script}", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def build(
    folder: Path, *, with_run: bool = True, check: bool = True, **environment: str
) -> subprocess.CompletedProcess:
    """Run build_inspection on the study of a folder."""
    tables = [f"--{name}={name}.parquet" for name in ("manifest", "annotations", "classes", "proposals")]
    out = "results/inspect/drawn/lod/fiftyone/manifest.json"
    arguments = ["--settings", settings(with_run=with_run), "--data-root", "data", *tables, "--out", out]
    arguments += ["--proposals-summary", "summary.json"]
    return call("build_inspection", *arguments, cwd=folder, check=check, **environment)
