"""The doors to LOD, one after another, on a handful of random images and a thin random ResNet-18."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from objectcrop.networks.backbones import build_backbone, seeded_weights
from objectcrop.networks.weights import save_backbone
from objectcrop.proposals.lod.ranking.journal import FileJournal
from objectcrop.proposals.lod.regions.feature_shards import FeatureShards
from objectcrop.proposals.lod.shards import read_arrays
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.precision import resolve_precision
from objectcrop.study.jobs.lod import SelectProposalsJob
from objectcrop.study.plan.lod_stages import SETTINGS, stage_settings
from objectcrop.study.settings.proposals import LodProposals
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.tables import MANIFEST, PROPOSALS, read_table, write_table
from workflow_scripts import extract_features, find_neighbours, rank_regions, score_pairs, select_proposals

pytestmark = pytest.mark.xdist_group("lod-chain")  # its fixtures are made once

BACKBONE = {"arch": "resnet18", "width": 0.125}
LOD = {
    "kind": "lod",
    "features_run": "scene-scene",
    "long_side_px": 96,
    "descriptor_size_px": 48,
    "max_peaks": 4,
    "num_levels": 6,
    "max_regions": 16,
    "projection_dims": 32,
    "num_neighbours": 2,
    "max_boxes": 3,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Five training images, one of them a single pixel, and one test image that must stay out."""
    folder = tmp_path_factory.mktemp("lod")
    rng = np.random.default_rng(0)
    rows = []
    for number, (width, height) in enumerate([(120, 90), (90, 120), (80, 80), (1, 1), (200, 100), (60, 60)]):
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
        rows.append((f"image-{number}", f"{number}.png", width, height, 1, "test" if number == 5 else "train", ""))
    write_table(pd.DataFrame(rows, columns=list(MANIFEST.columns)), folder / "manifest.parquet", MANIFEST)
    with seeded_weights(0):
        backbone = build_backbone(BackboneSettings.model_validate(BACKBONE))
    save_backbone(backbone, folder / "backbone.safetensors", {})
    write_json(folder / "run.json", {"run": "scene-scene", "seed": 0, "features": "label-free"})
    return folder


def run_chain(study, out, num_shards: int):
    lod = LodProposals.model_validate(LOD | {"num_shards": num_shards})
    more = {"features": {"backbone": BACKBONE, "study_seed": 0}}
    options = {
        stage: ["--settings", json.dumps({"lod": stage_settings(lod, stage), **more.get(stage, {})})]
        for stage in SETTINGS
    }
    selections = {
        rank_by: ["--settings", SelectProposalsJob(source_name="lod", lod=lod, rank_by=rank_by).as_json()]
        for rank_by in ("walk", "degree")
    }
    manifest = ["--manifest", str(study / "manifest.parquet")]
    features = [str(out / f"features-{shard}.npz") for shard in range(num_shards)]
    scores = [str(out / f"scores-{shard}.npz") for shard in range(num_shards)]
    neighbours, ranking = str(out / "neighbours.npz"), str(out / "ranking.npz")
    table, summary = str(out / "lod.parquet"), str(out / "lod.json")
    for shard, path in enumerate(features):
        place = ["--data-root", str(study), "--backbone", str(study / "backbone.safetensors"), "--shard", str(shard)]
        extract_features.main([*options["features"], *manifest, *place, "--out", path])
    find_neighbours.main([*options["neighbours"], "--features", *features, "--out", neighbours])
    for shard, path in enumerate(scores):
        place = ["--neighbours", neighbours, "--shard", str(shard)]
        score_pairs.main([*options["scores"], "--features", *features, *place, "--out", path])
    state = ["--state", str(out / "state")]
    rank_regions.main([*options["ranking"], "--features", *features, "--scores", *scores, *state, "--out", ranking])
    made = ["--ranking", ranking, "--run-summary", str(study / "run.json"), "--out", table, "--summary", summary]
    select_proposals.main([*selections["walk"], *manifest, "--features", *features, *made])
    made = [*made[:4], "--out", str(out / "degree.parquet"), "--summary", str(out / "degree.json")]
    select_proposals.main([*selections["degree"], *manifest, "--features", *features, *made])
    return read_table(table, PROPOSALS), read_json(summary)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("one")


@pytest.fixture(scope="module")
def chain(study, out):
    return run_chain(study, out, 1)


def test_training_images_get_ranked_boxes_inside_them(study, chain):
    table, _ = chain
    manifest = read_table(study / "manifest.parquet", MANIFEST).set_index("image_id")
    assert set(table["image_id"]) == {"image-0", "image-1", "image-2", "image-4"}
    sizes = manifest.loc[table["image_id"], ["width_px", "height_px"]].to_numpy()
    assert (table[["x1", "y1"]].to_numpy() >= 0).all()
    assert (table[["x2", "y2"]].to_numpy() <= sizes).all()
    for _, rows in table.groupby("image_id"):
        assert rows["rank"].tolist() == list(range(len(rows)))
        assert rows["score"].is_monotonic_decreasing
        assert 1 <= len(rows) <= 3


def test_scores_are_a_distribution_over_all_regions(chain):
    assert 0 < chain[0]["score"].sum() <= 1 + 1e-9


def test_the_summary_counts_images_without_boxes_and_names_the_features(chain):
    _, summary = chain
    assert (summary["num_images"], summary["num_images_without"]) == (5, 1)
    assert summary["features"] == "label-free features of run scene-scene, seed 0"
    assert summary["settings"]["lod"]["num_neighbours"] == 2
    assert summary["precision"] == resolve_precision("auto", torch.device("cpu"))


REGIONS, IMAGES = ("boxes", "roots", "layers", "features"), ("sizes", "descriptors")


def regions_of(paths) -> dict[str, list[bytes]]:
    """Return the bits of all regions and features of each image."""
    shards = FeatureShards(paths)
    return {
        one: [shards.images(name, place, place + 1).tobytes() for name in IMAGES]
        + [shards.regions(name, place).tobytes() for name in REGIONS]
        for place, one in enumerate(shards.image_ids)
    }


def scores_of(paths) -> dict[tuple[int, int], list[bytes]]:
    """Return the bits of the entries of each pair of images."""
    scores = {}
    for path in paths:
        pairs, counts, *arrays = read_arrays(path, "pairs", "counts", "rows", "columns", "values")
        parts = zip(*(np.split(values, np.cumsum(counts)[:-1]) for values in arrays), strict=True)
        scores |= {tuple(pair): [v.tobytes() for v in part] for pair, part in zip(pairs.tolist(), parts, strict=True)}
    return scores


def test_the_number_of_shards_changes_no_bit_of_regions_and_scores(study, chain, out, tmp_path):
    table, summary = run_chain(study, tmp_path, 3)
    one, three = ([folder / f"features-{shard}.npz" for shard in range(n)] for folder, n in ((out, 1), (tmp_path, 3)))
    assert list(regions_of(one).items()) == list(regions_of(three).items())
    whole = scores_of([out / "scores-0.npz"])
    assert len(whole) > 2
    assert whole == scores_of([tmp_path / f"scores-{shard}.npz" for shard in range(3)])
    pd.testing.assert_frame_equal(table, chain[0], check_exact=True)
    assert {**summary, "settings": None} == {**chain[1], "settings": None}


def test_permuting_the_images_permutes_their_regions_and_features(study, chain, out, tmp_path):
    manifest = read_table(study / "manifest.parquet", MANIFEST)
    write_table(manifest.iloc[::-1].reset_index(drop=True), tmp_path / "manifest.parquet", MANIFEST)
    options = ["--settings", json.dumps({"lod": LOD, "backbone": BACKBONE, "study_seed": 0})]
    files = ["--manifest", str(tmp_path / "manifest.parquet"), "--backbone", str(study / "backbone.safetensors")]
    place = ["--data-root", str(study), "--shard", "0", "--out", str(tmp_path / "features.npz")]
    extract_features.main([*options, *files, *place])
    assert (
        list(regions_of([tmp_path / "features.npz"]).items())
        == list(regions_of([out / "features-0.npz"]).items())[::-1]
    )


def test_ranked_by_degree_the_scores_are_row_sums_of_the_same_regions(chain, out):
    table = read_table(out / "degree.parquet", PROPOSALS)
    offsets, degrees = read_arrays(out / "ranking.npz", "offsets", "degrees")
    best = np.maximum.reduceat(degrees, offsets[:-1][np.diff(offsets) > 0])
    assert table.loc[table["rank"] == 0, "score"].max() == best.max()
    assert set(table["score"]) <= set(degrees)
    assert set(table["image_id"]) == set(chain[0]["image_id"])
    assert read_json(out / "degree.json")["features"].endswith("seed 0, ranked by row sums")


@pytest.fixture
def iterations(monkeypatch):
    """Count the steps of the iterations that are done from here on."""
    counted, keep = [], FileJournal.keep
    monkeypatch.setattr(FileJournal, "keep", lambda *words, **named: counted.append(words[1]) or keep(*words, **named))
    return counted


@pytest.mark.usefixtures("chain")
def test_a_finished_ranking_writes_its_file_again_and_does_no_step(out, tmp_path, iterations, capsys):
    """As Snakemake starts it that does not know of its end: the output is removed."""
    ranking, state = tmp_path / "ranking.npz", tmp_path / "state"
    settings = {"lod": stage_settings(LodProposals.model_validate(LOD), "ranking")}

    def rank(*more, **lod):
        ranking.unlink(missing_ok=True)
        words = ["--settings", json.dumps({"lod": settings["lod"] | lod}), "--state", str(state), "--out", str(ranking)]
        words += ["--features", str(out / "features-0.npz"), "--scores", str(out / "scores-0.npz")]
        rank_regions.main([*words, "--code", "c0de", *more])
        return ranking.read_bytes()

    written = rank()
    assert written == (out / "ranking.npz").read_bytes()
    assert iterations
    assert [path.name for path in state.iterdir()] == ["finished"]
    iterations.clear()
    assert rank() == written
    assert iterations == []

    record = state / "finished" / "ranking.npz"
    record.write_bytes(written[:-1])
    capsys.readouterr()
    assert rank() == written
    assert iterations
    assert f"{record}: damaged" in capsys.readouterr().err

    for number, (more, changed) in enumerate([([], {"restart_weight": 0.5}), (["--code", "0ther"], {})], start=1):
        iterations.clear()
        rank(*more, **changed)
        assert iterations
        assert len(list(tmp_path.glob("state.stale-*"))) == number
        assert "its record is moved to" in capsys.readouterr().err
