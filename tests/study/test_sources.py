"""Proposal sources that are made from others, or from files, in the plan."""

import copy

import pytest

from objectcrop.study.plan import load_plan
from objectcrop.study.study import StudyError

CONFIG = {
    "name": "sources",
    "datasets": {"drawn": {"source": "drawn"}},
    "proposals": {
        "lod": {"kind": "lod", "features_run": "scene", "num_shards": 2},
        "degree": {"kind": "degree", "of": "lod"},
        "random": {"kind": "random", "sizes_of": "degree"},
        "edges": {"kind": "edge_boxes", "model": "models/model.yml.gz", "num_shards": 3},
        "bing": {"kind": "bing", "model_folder": "models/bing"},
        "search": {"kind": "selective_search"},
        "cuts": {"kind": "maskcut", "features_run": "scene"},
        "cuts-vgg": {"kind": "maskcut", "trunk": {"arch": "vgg16", "weights": "v.pth", "trained_with": "labels"}},
        "given": {"kind": "external", "file": "given.json"},
    },
    "runs": {"scene": {"dataset": "drawn"}},
    "measured_proposals": {"drawn": ["random", "edges", "bing", "search", "given"]},
}


@pytest.fixture
def plan(tmp_path):
    return load_plan(CONFIG | {"data_root": str(tmp_path)})


def test_every_source_is_made_by_one_rule(plan):
    ways = (plan.ranked_sources(), plan.searched_sources(), plan.other_sources())
    assert ways == (["lod", "degree"], ["edges", "bing", "search", "cuts", "cuts-vgg"], ["random", "given"])


def test_degrees_are_taken_from_the_shards_of_their_lod_source(plan):
    assert plan.lod_shards("scores", "drawn", "degree") == plan.lod_shards("scores", "drawn", "lod")
    assert plan.ranking("drawn", "degree") == "results/lod/drawn/lod/ranking.npz"
    assert plan.selection_settings("degree") != plan.selection_settings("lod")
    assert plan.features_backbone("degree") == plan.features_backbone("lod")


def test_cuts_wait_for_the_run_or_the_file_they_look_through(plan, tmp_path):
    assert plan.searched_backbone("cuts") == ["results/pretrain/scene/s0/backbone.safetensors"]
    assert plan.searched_summary("cuts") == ["results/pretrain/scene/s0/summary.json"]
    assert (
        plan.searched_backbone("cuts-vgg") == plan.searched_summary("cuts-vgg") == plan.searched_backbone("bing") == []
    )
    (tmp_path / "v.pth").touch()
    assert plan.searched_backbone("cuts-vgg") == [(tmp_path / "v.pth").as_posix()]
    assert plan.source_locations("cuts-vgg") == ["v.pth"]


def test_a_searched_source_has_its_shards(plan):
    assert len(plan.searched_shards("drawn", "edges")) == 3
    with pytest.raises(ValueError, match=r"proposals\.lod is of kind lod"):
        plan.searched_shards("drawn", "lod")


def test_files_of_sources_in_use_must_be_there_before_the_first_job(plan, tmp_path):
    wanted = {(tmp_path / name).as_posix() for name in ("models/model.yml.gz", "models/bing", "given.json")}
    assert wanted <= set(plan.missing_data())
    (tmp_path / "given.json").touch()
    assert wanted - set(plan.missing_data()) == {(tmp_path / "given.json").as_posix()}
    assert plan.source_files("given") == [(tmp_path / "given.json").as_posix()]


def test_files_of_sources_that_nobody_uses_need_not_be_there(tmp_path):
    config = copy.deepcopy(CONFIG) | {"data_root": str(tmp_path), "measured_proposals": {"drawn": ["random"]}}
    assert set(load_plan(config).used_sources()) == {"random", "degree", "lod"}
    assert not [path for path in load_plan(config).missing_data() if "models" in path or "given" in path]


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("degree", {"kind": "degree", "of": "bing"}, "'bing' is of kind bing, not lod"),
        ("degree", {"kind": "degree", "of": "degre"}, "there is no proposal source 'degre'"),
    ],
)
def test_degrees_of_what_is_not_lod_are_refused(name, source, message):
    config = copy.deepcopy(CONFIG)
    config["proposals"][name] = source
    with pytest.raises(StudyError, match=message):
        load_plan(config)


def test_a_run_cannot_give_features_to_the_proposals_it_needs_through_degrees():
    config = copy.deepcopy(CONFIG)
    views = {"regions": ["object", "object"], "proposals": "random"}
    config["runs"]["scene"] = {"dataset": "drawn", "views": views}
    with pytest.raises(StudyError, match="itself needs proposals"):
        load_plan(config)
