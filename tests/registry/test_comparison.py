"""Two runs, or two folders, beside each other: what differs in how they were made and in what they measured."""

import json
import os
from pathlib import Path

import pytest

from objectcrop.evaluate.linear.comparison import compare_scores
from objectcrop.identity.record import read_record, write_record
from objectcrop.registry.comparison import compare
from objectcrop.registry.page import render_comparison
from objectcrop.registry.places import Selection
from objectcrop.registry.words import in_words
from objectcrop.report.tables.intervals import seed_interval
from objectcrop.runtime.atomic import read_json, write_json
from tests.registry.small_runs import write_run

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def _working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def differences(parts):
    return [(one.name, one.first, one.second) for one in parts]


def kept(name):
    """Keep the results written so far as those of another study."""
    RESULTS.rename(name)
    return Selection(Path(name))


def changed_record(file, *, code, commit, versions):
    record = read_record(file)
    write_record(record._replace(code=code, story=record.story | {"commit": commit, "versions": versions}))


def test_two_runs_differ_in_settings_and_weights_and_their_metrics_are_paired_over_the_images_of_both():
    write_run(RESULTS, "one", noise=2.0)
    write_run(RESULTS, "two", noise=0.2, size_px=64)
    pair = compare(Selection(RESULTS, "one"), Selection(RESULTS, "two"))
    assert differences(pair.settings) == [("run.views.size_px", "96", "64"), ("run_name", "one", "two")]
    assert pair.settings[0].files == ("pretrain/summary.json", "eval/linear.json")
    assert (pair.code, pair.versions, pair.alone) == ((), (), ((), ()))
    assert (pair.contents.same, pair.contents.other) == ((), ("pretrain/backbone.safetensors",))
    by_name = {metric.name: metric for metric in pair.metrics}
    assert "linear.learning_rate" not in by_name
    found = by_name["linear.map"]
    expected = compare_scores(*(Path(f"results/eval/{run}/s0/linear.scores.npz") for run in ("one", "two")))["map"]
    assert found.is_paired
    assert found.difference.of_images == pytest.approx(expected.interval)
    gain = expected.second - expected.first  # of scores that are kept in 16 bits
    assert found.difference.value == pytest.approx(gain, abs=0.1)
    assert found.difference.verdict == "above"
    assert found in pair.apart
    assert not by_name["linear.micro_ap"].is_paired


def test_two_seeds_of_a_run_differ_in_the_seed_alone():
    for seed in (0, 1):
        write_run(RESULTS, "one", seed=seed)
    pair = compare(Selection(RESULTS, "one", 0), Selection(RESULTS, "one", 1))
    assert differences(pair.settings) == [("seeds", "0", "1")]
    assert pair.contents.other == ("pretrain/backbone.safetensors",)
    assert {metric.difference.verdict for metric in pair.metrics} == {"unclear", "unknown"}


def write_seeds(run, values):
    """Write a run whose mAP with each seed is as given."""
    for seed, value in enumerate(values):
        write_run(RESULTS, run, seed=seed)
        path = Path(f"results/eval/{run}/s{seed}/linear.json")
        result = read_json(path)
        write_json(path, result | {"metrics": {"map": value}, "intervals": {}})
        path.with_name("linear.scores.npz").unlink()


def test_runs_of_one_folder_are_paired_by_seed_and_those_of_two_folders_are_not():
    write_seeds("one", (30.0, 40.0, 50.0))
    write_seeds("two", (31.0, 41.0, 51.5))
    inside = compare(Selection(RESULTS, "one"), Selection(RESULTS, "two"))
    (metric,) = inside.metrics
    expected = seed_interval([1.0, 1.0, 1.5])
    assert metric.difference.of_seeds == pytest.approx((expected.low, expected.high))
    assert metric.difference.verdict == "above"
    other = kept("kept")
    write_seeds("one", (30.0, 40.0, 50.0))
    (metric,) = compare(Selection(RESULTS, "one"), other._replace(run="two")).metrics
    low, high = metric.difference.of_seeds
    assert low < -10 < 10 < high
    assert metric.difference.verdict == "unclear"


def test_two_folders_differ_in_code_versions_and_files_and_have_their_runs_side_by_side():
    write_run(RESULTS, "one")
    write_run(RESULTS, "first")
    first = kept("first")
    write_run(RESULTS, "one")
    write_run(RESULTS, "second")
    for run in ("one", "second"):
        file = f"results/eval/{run}/s0/linear.json"
        changed_record(file, code="ba9876543210", commit="fff0000", versions={"torch": "9"})
    pair = compare(first, Selection(RESULTS))
    code = {one.name: (one.first, one.second, one.files) for one in pair.code}
    assert code["evaluate_linear"] == ("0123456789ab", "ba9876543210", ("eval/one/linear.json",))
    assert "fff0000" in code["commit"][1]
    versions = {one.name: one.second for one in pair.versions}
    assert versions["torch"].startswith("9") or "; 9" in versions["torch"]
    assert pair.alone[0] == tuple(f"{part}/first/{name}" for part, name in FILES)
    assert pair.alone[1] == tuple(f"{part}/second/{name}" for part, name in FILES)
    assert pair.contents.same == ("pretrain/one/backbone.safetensors",)
    assert {metric.name.split(".")[0] for metric in pair.metrics} == {"one linear"}
    assert pair.studies is None
    assert "expected a folder of results with report/index.html" in pair.without_tables


FILES = (("pretrain", "summary.json"), ("pretrain", "backbone.safetensors"), ("eval", "linear.json"))


def test_scores_that_cannot_be_paired_are_named_and_the_rest_is_compared():
    write_run(RESULTS, "one")
    write_run(RESULTS, "two")
    Path("results/eval/two/s0/linear.scores.npz").write_bytes(b"of another version")
    pair = compare(Selection(RESULTS, "one"), Selection(RESULTS, "two"))
    assert not any(metric.is_paired for metric in pair.metrics)
    by_name = {metric.name: metric.difference for metric in pair.metrics}
    assert by_name["linear.map"].of_images is not None  # as if independent
    (sentence,) = pair.notes
    assert sentence.startswith(
        "linear: images are not paired: results/eval/two/s0/linear.scores.npz: not the scores of a linear evaluation"
    )
    assert f"note on {sentence}" in list(in_words(pair))


def test_of_runs_with_other_seeds_those_of_both_are_compared_and_all_if_they_share_none():
    write_seeds("one", (30.0, 40.0, 90.0))
    other = kept("kept")
    write_seeds("one", (31.0, 41.0))
    pair = compare(other, Selection(RESULTS))
    (metric,) = pair.metrics
    assert (metric.first, metric.second, metric.difference.num_seeds) == (35.0, 36.0, 2)
    assert differences(pair.settings)[0] == ("seeds", "0, 1, 2", "0, 1")
    assert pair.notes == ("one linear: of the seeds those that both have are compared: 0, 1",)
    Path("results/eval/one/s0").rename("results/eval/one/s7")
    Path("results/eval/one/s1").rename("results/eval/one/s8")
    pair = compare(other, Selection(RESULTS))
    (metric,) = pair.metrics
    assert metric.first == pytest.approx(160 / 3)
    assert pair.notes == ()


def test_what_a_version_did_not_record_is_said_so_and_jobs_without_pytorch_have_no_device():
    write_run(RESULTS, "one")
    for part, name in FILES:
        file = f"results/{part}/one/s0/{name}"
        record = read_record(file)
        story = {key: value for key, value in record.story.items() if key != "device"}
        write_record(record._replace(story=story | {"versions": {"torch": "9"}}))
    first = kept("first")
    write_run(RESULTS, "one")
    for (part, name), device in zip(FILES, DEVICES, strict=True):
        file = f"results/{part}/one/s0/{name}"
        record = read_record(file)
        write_record(record._replace(story=record.story | {"device": device, "versions": {"torch": "9", "numba": "1"}}))
    versions = differences(compare(first, Selection(RESULTS)).versions)
    assert versions == [("numba", "not recorded", "1"), ("device", "not recorded", "A, AVX2 kernels, 3 threads")]


BARE = {"kind": "cpu", "name": "A", "num_gpus": 0}
DEVICES = (BARE, BARE, BARE | {"kernels": "AVX2", "num_threads": 3})


def test_a_seed_without_a_value_leaves_the_metric_out():
    for run in ("one", "two"):
        write_run(RESULTS, run)
    path = Path("results/eval/two/s0/linear.json")
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"metrics": result["metrics"] | {"map": None}}))
    names = [metric.name for metric in compare(Selection(RESULTS, "one"), Selection(RESULTS, "two")).metrics]
    assert "linear.map" not in names
    assert "linear.micro_ap" in names


def test_what_cannot_be_compared_is_rejected():
    write_run(RESULTS, "one")
    with pytest.raises(ValueError, match="expected two folders of results, or two runs, not one of each"):
        compare(Selection(RESULTS), Selection(RESULTS, "one"))
    os.makedirs("bare/pretrain/one")
    with pytest.raises(ValueError, match="one of bare: nothing of it has a record"):
        compare(Selection(RESULTS, "one"), Selection(Path("bare"), "one"))


def test_the_words_name_both_sides_and_each_metric_with_its_verdict():
    write_run(RESULTS, "one", noise=2.0)
    write_run(RESULTS, "two", noise=0.2, size_px=64)
    lines = list(in_words(compare(Selection(RESULTS, "one"), Selection(RESULTS, "two"))))
    assert lines[0].startswith("A: one of results, commit ")
    assert "settings: 2 differ" in lines
    assert "  run.views.size_px: 96 | 64  (pretrain/summary.json, eval/linear.json)" in lines
    assert "code: none differs" in lines
    assert "tables and weights: 0 have the same bytes, 1 have others" in lines
    (line,) = [line for line in lines if line[2:].startswith("linear.map ")]
    assert line.startswith("▲ ")
    assert "over test images): above, by more than the interval, paired images" in line


def test_the_page_escapes_what_it_shows_and_lists_what_the_words_do():
    write_run(RESULTS, "one", noise=2.0)
    write_run(RESULTS, "two", noise=0.2, size_px=64)
    record = read_record("results/eval/two/s0/linear.json")
    write_record(record._replace(code="<b>"))
    page = render_comparison(compare(Selection(RESULTS, "one"), Selection(RESULTS, "two")))
    for part in (
        "<code>run.views.size_px</code>",
        "<code>linear.map</code>",
        "&lt;b&gt;",
        "paired",
        "A: one of results",
    ):
        assert part in page
    assert "<b>" not in page
