"""Proposals in the plan: of one step, searched for, selected from LOD; made from others, from networks, from files."""

import copy

import pytest

from objectcrop.proposals.sources.without_search import parse_source
from objectcrop.study.loading import StudyError
from objectcrop.study.plan.memory import LINES, ranking_mb
from objectcrop.study.plan.plan import load_plan

VGG = {"arch": "vgg16", "weights": "v.pth", "trained_with": "labels"}
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
        "cuts-vgg": {"kind": "maskcut", "layer": "features.29", "trunk": VGG},
        "given": {"kind": "external", "file": "given.json"},
    },
    "runs": {"scene": {"dataset": "drawn"}},
    "measured_proposals": {"drawn": ["random", "edges", "bing", "search", "given"]},
}


@pytest.fixture
def plan(tmp_path):
    return load_plan(CONFIG | {"data_root": str(tmp_path)})


def test_every_source_is_made_by_one_rule(plan):
    ways = (plan.lod.ranked_sources(), plan.proposals.searched_sources(), plan.proposals.other_sources())
    assert ways == (["lod", "degree"], ["edges", "bing", "search", "cuts", "cuts-vgg"], ["random", "given"])


def test_degrees_are_taken_from_the_shards_of_their_lod_source(plan):
    assert plan.lod.scores("drawn", "degree") == plan.lod.scores("drawn", "lod")
    assert plan.lod.ranking("drawn", "degree") == "results/lod/drawn/lod/ranking.npz"
    assert plan.lod.selection_job("degree") != plan.lod.selection_job("lod")
    assert plan.trunks.weights("degree") == plan.trunks.weights("lod")


def test_cuts_wait_for_the_run_or_the_file_they_look_through(plan, tmp_path):
    assert plan.trunks.weights("cuts") == ["results/pretrain/scene/s0/backbone.safetensors"]
    assert plan.trunks.run_summary("cuts") == ["results/pretrain/scene/s0/summary.json"]
    assert plan.trunks.weights("cuts-vgg") == plan.trunks.run_summary("cuts-vgg") == plan.trunks.weights("bing") == []
    (tmp_path / "v.pth").touch()
    assert plan.trunks.weights("cuts-vgg") == [(tmp_path / "v.pth").as_posix()]
    assert plan.trunks.locations("cuts-vgg") == ["v.pth"]


def test_a_searched_source_has_its_shards(plan):
    assert len(plan.proposals.searched_shards("drawn", "edges")) == 3
    with pytest.raises(ValueError, match=r"proposals\.lod is of kind lod"):
        plan.proposals.searched_shards("drawn", "lod")


def test_files_of_sources_in_use_must_be_there_before_the_first_job(plan, tmp_path):
    wanted = {(tmp_path / name).as_posix() for name in ("models/model.yml.gz", "models/bing", "given.json")}
    assert wanted <= set(plan.needs.missing())
    (tmp_path / "given.json").touch()
    assert wanted - set(plan.needs.missing()) == {(tmp_path / "given.json").as_posix()}
    assert plan.trunks.files("given") == [(tmp_path / "given.json").as_posix()]


def test_the_files_of_a_folder_of_models_are_inputs(plan, tmp_path):
    assert plan.trunks.files("bing") == []
    (tmp_path / "models/bing").mkdir(parents=True)
    for name in ("b.yml.gz", "a.yml.gz", "readme"):
        (tmp_path / "models/bing" / name).touch()
    assert plan.trunks.files("bing") == [
        (tmp_path / "models/bing" / name).as_posix() for name in ("a.yml.gz", "b.yml.gz")
    ]


def test_files_of_sources_that_nobody_uses_need_not_be_there(tmp_path):
    config = copy.deepcopy(CONFIG) | {"data_root": str(tmp_path), "measured_proposals": {"drawn": ["random"]}}
    assert set(load_plan(config).needs.sources()) == {"random", "degree", "lod"}
    assert not [path for path in load_plan(config).needs.missing() if "models" in path or "given" in path]


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("degree", {"kind": "degree", "of": "bing"}, "'bing' is of kind bing, not lod"),
        ("degree", {"kind": "degree", "of": "degre"}, "there is no proposal source 'degre'"),
    ],
)
def test_degrees_of_what_is_not_lod_are_rejected(name, source, message):
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


@pytest.mark.parametrize(
    ("rule", "source", "items"),
    [
        ("find_neighbours", "lod", 100),
        ("select_proposals", "degree", 10),
        ("make_proposals", "random", 10),
        ("join_proposals", "edges", 10),
        ("measure_proposals", "given", 10),
        ("make_proposals", "grid", 12),
        ("make_proposals", "centre", 1),
    ],
)
def test_jobs_ask_for_memory_by_images_and_what_is_kept_of_each(tmp_path, rule, source, items):
    more = {"grid": {"kind": "grid", "rows": 3, "columns": 4}, "centre": {"kind": "centre"}}
    plan = load_plan(CONFIG | {"proposals": CONFIG["proposals"] | more, "data_root": str(tmp_path)})
    index = tmp_path / "unreadable.json"
    index.write_text('{"num_readable": 2000000, "num_unreadable": 1}')
    line = LINES[rule]
    expected = line.fixed_mb + 2 * (line.bytes_per_image + line.bytes_per_item * items)
    asked = [plan.proposals.memory_mb(rule, source, str(index), attempt) for attempt in (1, 2, 3)]
    assert asked == [expected, 2 * expected, 3 * expected]


def test_a_ranking_asks_for_memory_by_images_unless_the_study_says_how_much(plan, tmp_path):
    index = tmp_path / "unreadable.json"
    index.write_text('{"num_readable": 20000, "num_unreadable": 1}')
    assert plan.lod.ranking_memory_mb("lod", str(index), 1) == ranking_mb(20_000, plan.lod.of("lod"))
    proposals = copy.deepcopy(CONFIG["proposals"])
    proposals["lod"]["ranking_memory_mb"] = 1234
    said = load_plan(CONFIG | {"proposals": proposals, "data_root": str(tmp_path)})
    assert [said.lod.ranking_memory_mb("lod", str(index), attempt) for attempt in (1, 2)] == [1234, 2468]


def test_before_images_are_indexed_the_missing_file_is_named_so_that_snakemake_asks_again(plan, tmp_path):
    index = str(tmp_path / "unreadable.json")
    with pytest.raises(FileNotFoundError) as error:
        plan.proposals.memory_mb("find_neighbours", "lod", index, 1)
    assert error.value.filename == index


def test_gpus_are_asked_for_by_sources_that_look_through_a_network_and_change_no_settings(plan, tmp_path):
    assert {plan.proposals.gpus(source) for source in plan.study.proposals} == {0}
    proposals = copy.deepcopy(CONFIG["proposals"])
    proposals["lod"]["gpus"] = proposals["cuts"]["gpus"] = 1
    changed = load_plan(CONFIG | {"proposals": proposals, "data_root": str(tmp_path)})
    assert [source for source in proposals if changed.proposals.gpus(source)] == ["lod", "cuts"]
    assert changed.lod.features_job("lod") == plan.lod.features_job("lod")
    assert changed.proposals.job("cuts") == plan.proposals.job("cuts")


@pytest.mark.parametrize("settings", [{}, {"edges": "gradient", "model": "models/model.yml.gz"}])
def test_edge_boxes_need_a_model_for_structured_edges_alone(settings):
    with pytest.raises(ValueError, match=r"give model .* or edges: gradient, one of them"):
        parse_source({"kind": "edge_boxes", **settings})
