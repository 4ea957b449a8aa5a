import json

import pytest

from objectcrop.study.plan.plan import load_plan


@pytest.fixture
def plan(config):
    """With a data set that is fetched, and a subset of it."""
    fetched = {
        "source": "openimages",
        "boxes": {"train": "oi/train.csv"},
        "class_descriptions": "oi/classes.csv",
        "images": {"train": "oi/train"},
        "download": {"num_shards": 2, "max_images": {"train": 5}, "transfer": {"attempts": 3}},
    }
    config["datasets"] |= {"oi": fetched, "some": {"source": "ohms", "of": "oi"}}
    return load_plan(config)


def test_metadata_is_fetched_once_and_images_of_the_subsets_too(plan):
    assert plan.downloads.with_metadata() == ["oi"]
    assert plan.downloads.with_images() == ["oi", "some"]
    assert plan.downloads.metadata_record("some") == "results/downloads/oi/metadata.json"
    assert plan.downloads.shards("drawn") == []


def test_what_is_fetched_is_indexed_by_what_says_which_images_there_are(plan):
    shards = [f"results/downloads/some/images/{shard}.json" for shard in range(2)]
    assert plan.images.index_inputs("some")["raw"] == plan.downloads.shards("some") == shards
    assert plan.images.fetch_inputs("some") == {"subset": ["results/ohms/some/images.parquet"], "annotations": []}
    assert plan.images.fetch_inputs("oi") == {"subset": [], "annotations": ["results/annotations/oi.parquet"]}
    assert plan.images.annotation_inputs("oi")["raw"] == ["results/downloads/oi/metadata.json"]


def test_the_choice_of_images_matters_where_the_set_is_used_directly(plan):
    assert plan.downloads.image_job("oi").values()["download"]["max_images"] == {"train": 5}
    assert "max_images" not in plan.downloads.image_job("some").values()["download"]
    assert plan.images.index_job("oi").values()["download"]["max_images"] == {"train": 5}
    assert "download" not in plan.images.index_job("some").values()


def test_from_where_stands_apart(plan):
    assert json.loads(plan.downloads.transfer("some"))["attempts"] == 3
    with pytest.raises(ValueError, match=r"datasets\.drawn has no download"):
        plan.downloads.transfer("drawn")
