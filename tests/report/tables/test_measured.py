"""What a table is made from, read from files that are named as the workflow names them."""

import json

import numpy as np

from objectcrop.evaluate.linear.measure import ScoredImages, contributions
from objectcrop.evaluate.linear.scores import write_scores
from objectcrop.report.tables.measured import read_measured


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def test_results_summaries_and_scores_are_known_by_their_names_and_what_is_stale_by_its_file(tmp_path):
    results = [
        write(tmp_path / f"eval/{run}/s0/linear.json", {"run": run, "task": "linear", "seed": 0}) for run in "ab"
    ]
    proposals = [write(tmp_path / "proposals/coco/lod.json", {"mean_area_share": 0.3})]
    scored = ScoredImages(("x", "y"), ("c",), np.float32([[1], [0]]), np.uint8([[1], [0]]), is_single=False)
    scores = tmp_path / "eval/a/s0/linear.scores.npz"
    write_scores(scores, scored)
    stale = {results[1].as_posix(): "old", proposals[0].as_posix(): "older"}
    measured = read_measured(results, proposals, [scores], stale)
    assert [result["run"] for result in measured.results] == ["a", "b"]
    assert measured.stale == {("b", "linear"): "old"}
    assert measured.proposals == {("coco", "lod"): {"mean_area_share": 0.3}}
    assert measured.stale_proposals == {("coco", "lod"): "older"}
    ((name, (one,)),) = measured.contributions.items()
    assert name == ("a", "linear")
    np.testing.assert_array_equal(one.values["map"], contributions(scored)["map"])
