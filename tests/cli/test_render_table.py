"""The script of the tables: from results, scores and summaries to the four files."""

import json

import numpy as np
import pytest

from objectcrop.evaluate.linear.measure import ScoredImages, measure
from objectcrop.evaluate.linear.scores import write_scores
from objectcrop.report.tables.budget import LENGTHS_FILE
from objectcrop.report.tables.faults import FAULTS_FILE
from objectcrop.study.jobs.report import TableJob
from objectcrop.study.paper import VALUES_FILE
from workflow_scripts.render_table import main

RUNS = ("scene", "objects")
JOB = TableJob.model_validate(
    {
        "table_name": "crops",
        "table": {
            "title": "Crops",
            "paper_table": "T4",
            "columns": [{"task": "linear", "metric": "map", "label": "mAP", "paper_metric": "OHMS_mAP"}],
            "rows": [
                {"label": "scenes", "run": "scene", "paper_row": "MoCo-v2 scene-scene"},
                {"label": "objects", "run": "objects"},
                {"label": "gain", "difference": {"of": ["objects"], "minus": ["scenes"]}},
            ],
        },
        "allow_stale": False,
        "checks_images": False,
        "seeds": [0],
    }
)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.fixture
def files(tmp_path):
    """Results of two runs whose scores are better than chance, the second's more so."""
    rng = np.random.default_rng(0)
    labels = rng.random((200, 4)) < 0.3
    images, classes = tuple(f"i{n}" for n in range(200)), tuple("abcd")
    noise = rng.normal(size=labels.shape)
    for run, strength in zip(RUNS, (1.0, 1.5), strict=True):
        folder = tmp_path / f"eval/{run}/s0"
        scores = (noise + strength * labels).astype(np.float32)
        test = ScoredImages(images, classes, scores, labels.astype(np.uint8), is_single=False)
        measured = measure(test)
        result = {"run": run, "seed": 0, "task": "linear", "cost": {"seconds": 1.0}}
        result |= {"metrics": measured.metrics, "intervals": measured.intervals}
        write(folder / "linear.json", result | {"precision": {"pretraining": "float32", "evaluation": "float32"}})
        write(
            tmp_path / f"pretrain/{run}/s0/summary.json", {"run": run, "cost": {"images_seen": 4_255_060, "seconds": 1}}
        )
        write_scores(folder / "linear.scores.npz", test)
    return tmp_path


def rendered(folder, *scores):
    outputs = {name: folder / f"tables/crops.{name}" for name in ("markdown", "csv", "json", "latex")}
    main(
        [
            *("--settings", JOB.as_json(), "--data-root", str(folder)),
            *("--results", *(str(folder / f"eval/{run}/s0/linear.json") for run in RUNS)),
            *("--scores", *(str(folder / f"eval/{run}/s0/linear.scores.npz") for run in scores)),
            *("--summaries", *(str(folder / f"pretrain/{run}/s0/summary.json") for run in RUNS)),
            *("--paper", str(VALUES_FILE), "--faults", str(FAULTS_FILE), "--lengths", str(LENGTHS_FILE)),
            *(part for name, path in outputs.items() for part in (f"--{name}", str(path))),
        ]
    )
    return {name: path.read_text(encoding="utf-8") for name, path in outputs.items()}


def test_four_files_are_written_and_the_terminal_shows_the_table(files, capsys):
    texts = rendered(files, *RUNS)
    assert capsys.readouterr().out == texts["markdown"] + "\n"
    assert all("scenes" in text and "49.8" in text for text in texts.values())
    written = json.loads(texts["json"])
    assert written["name"] == "crops"
    reason = "pretrained on 10% of the images that the paper's run saw"
    assert [row["reduced_budget"] for row in written["rows"]] == [reason, "", reason]


def test_a_difference_is_paired_where_the_scores_are_given_which_is_narrower(files):
    (paired,), (apart,) = (json.loads(rendered(files, *scores)["json"])["rows"][2]["cells"] for scores in (RUNS, ()))
    assert (paired["interval_over"], apart["interval_over"]) == ("paired images", "independent rows")
    assert paired["mean"] == apart["mean"] > 0
    widths = [cell["interval"][1] - cell["interval"][0] for cell in (paired, apart)]
    assert widths[0] < 0.6 * widths[1]
