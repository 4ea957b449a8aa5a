import pytest


def test_shards_are_those_of_the_source_whose_regions_are_ranked(plan):
    features = [f"results/lod/ohms/lod/features/{shard}.npz" for shard in range(3)]
    assert plan.lod.features("ohms", "lod") == plan.lod.features("ohms", "degree") == features
    assert plan.lod.feature_list("ohms", "lod").split() == features
    assert plan.lod.scores("ohms", "degree") == [f"results/lod/ohms/lod/scores/{shard}.npz" for shard in range(2)]
    assert plan.lod.ranking("ohms", "degree") == "results/lod/ohms/lod/ranking.npz"
    assert plan.lod.ranking_state("ohms", "lod") == "results/lod/ohms/lod/ranking.state"


def test_the_selection_says_by_what_it_ranks(plan):
    ranked = {source: plan.lod.selection_job(source).values() for source in ("lod", "degree")}
    assert {source: settings["rank_by"] for source, settings in ranked.items()} == {"lod": "walk", "degree": "degree"}
    assert ranked["lod"]["lod"] == ranked["degree"]["lod"]


def test_features_depend_on_the_network_and_the_seed(plan):
    assert set(plan.lod.features_job("lod").values()) == {"lod", "backbone", "study_seed"}
    assert set(plan.lod.job("scores", "lod").values()) == {"lod"}


def test_a_source_of_another_kind_is_named(plan):
    with pytest.raises(ValueError, match=r"proposals\.gt is of kind gt, not lod"):
        plan.lod.of("gt")


def test_the_search_for_neighbours_takes_a_second_core_where_there_are_many_images(plan):
    assert plan.lod.neighbour_threads("lod") == 2  # three shards
