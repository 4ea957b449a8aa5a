import pytest

from objectcrop.study.plan.lod_stages import NETWORK, SELECTION, SETTINGS, stage_settings
from objectcrop.study.plan.plan import Plan
from objectcrop.study.settings.proposals import LodProposals
from objectcrop.study.settings.section import NOT_RECORDED
from objectcrop.study.study import Study

LOD = {"kind": "lod", "trunk": {"arch": "efficientnet_lite0", "trained_with": "ImageNet labels"}}


def test_every_setting_belongs_to_one_stage():
    owned = [*NETWORK, *SELECTION, *(name for names in SETTINGS.values() for name in names)]
    assert sorted(owned) == sorted(set(LodProposals.model_fields) - set(NOT_RECORDED))


def params(**changes) -> dict[str, str]:
    plan = Plan(Study.model_validate({"name": "x", "proposals": {"lod": LOD | changes}}))
    return {stage: plan.lod.job(stage, "lod").as_json() for stage in SETTINGS}


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"max_peaks": 3}, {"features"}),
        ({"num_shards": 4, "num_score_shards": 1}, {"features"}),
        ({"num_shards": 4}, {"features", "scores"}),
        ({"num_score_shards": 4}, {"scores"}),
        ({"num_neighbours": 3}, {"neighbours"}),
        ({"score_precision": "float16"}, {"scores"}),
        ({"max_iterations": 3}, {"ranking"}),
        ({"max_boxes": 3}, set()),
        ({"ranking_processes": 8}, set()),
        ({"trunk": LOD["trunk"] | {"trained_with": "more labels"}}, {"features", "neighbours", "scores", "ranking"}),
    ],
)
def test_a_setting_changes_the_params_of_the_stages_that_read_it_only(change, stages):
    before, after = params(), params(**change)
    assert {stage for stage in SETTINGS if before[stage] != after[stage]} == stages


def test_the_scripts_get_settings_that_are_valid_by_themselves():
    lod = LodProposals.model_validate(LOD | {"max_peaks": 3, "num_shards": 5})
    for stage in SETTINGS:
        kept = LodProposals.model_validate(stage_settings(lod, stage))
        assert kept.score_shards == (5 if stage in ("features", "scores") else 1)
    assert LodProposals.model_validate(stage_settings(lod, "features")).max_peaks == 3


def test_costs_are_those_of_every_job_that_made_the_proposals():
    sources = {
        "lod": LOD | {"num_shards": 2, "num_score_shards": 1},
        "degree": {"kind": "degree", "of": "lod"},
        "search": {"kind": "selective_search", "num_shards": 2},
        "grid": {"kind": "grid"},
    }
    plan = Plan(Study.model_validate({"name": "x", "proposals": sources}))
    folder = "benchmarks/jobs"
    shared = [
        f"{folder}/extract_features/coco-lod-0.tsv",
        f"{folder}/extract_features/coco-lod-1.tsv",
        f"{folder}/find_neighbours/coco-lod.tsv",
        f"{folder}/score_pairs/coco-lod-0.tsv",
        f"{folder}/rank_regions/coco-lod.tsv",
    ]
    assert plan.proposals.costs("coco", "lod") == [*shared, f"{folder}/select_proposals/coco-lod.tsv"]
    assert plan.proposals.costs("coco", "degree") == [*shared, f"{folder}/select_proposals/coco-degree.tsv"]
    assert plan.proposals.costs("coco", "search") == [
        f"{folder}/search_boxes/coco-search-0.tsv",
        f"{folder}/search_boxes/coco-search-1.tsv",
        f"{folder}/join_proposals/coco-search.tsv",
    ]
    assert plan.proposals.costs("coco", "grid") == [f"{folder}/make_proposals/coco-grid.tsv"]
