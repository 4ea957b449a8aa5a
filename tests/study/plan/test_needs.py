import pytest

from objectcrop.study.loading import StudyError
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.plan.planned import PlannedJob


def test_data_sets_and_sources_in_use_are_followed_to_what_they_are_made_from(plan, config):
    assert plan.needs.datasets() == ["ohms", "drawn"]  # no table trains on the union or judges by VOC
    assert plan.needs.sources() == ["lod", "gt"]
    config["measured_proposals"] = {"both": ["degree"]}
    plan = load_plan(config)
    assert plan.needs.datasets() == ["ohms", "drawn", "both", "more"]
    assert plan.needs.sources() == ["degree", "lod"]


def test_only_what_is_in_use_is_missing(plan, config, tmp_path):
    assert plan.needs.missing() == {}
    config["tables"]["two"]["columns"][0]["task"] = "boxes"
    config["runs"]["random-init"] = {"method": "external", "backbone": {"weights": "w.safetensors"}}
    plan = load_plan(config)
    assert plan.needs.data_root() == str(tmp_path)
    assert set(plan.needs.missing()) == {f"{tmp_path}/VOC2007", f"{tmp_path}/w.safetensors"}
    assert plan.needs.missing()[f"{tmp_path}/w.safetensors"] == (
        "put the weights of runs.random-init.backbone.weights there"
    )
    (tmp_path / "VOC2007").mkdir()
    (tmp_path / "w.safetensors").touch()
    assert plan.needs.missing() == {}


ELSEWHERE = {"source": "folder", "images": "elsewhere"}


def test_a_run_whose_features_give_proposals_is_in_use_without_a_table(config, tmp_path):
    config["datasets"]["elsewhere"] = ELSEWHERE
    config["runs"]["features"] = {"dataset": "elsewhere"}
    assert load_plan(config).needs.missing() == {}
    config["proposals"]["lod"]["features_run"] = "features"
    assert set(load_plan(config).needs.missing()) == {f"{tmp_path}/elsewhere"}


@pytest.fixture
def scattered(config):
    """A study whose every part reads a file of its own that is not there."""
    config["datasets"]["images"] = {
        "source": "openimages",
        "boxes": {"train": "train.csv"},
        "class_descriptions": "names.csv",
        "images": {"train": "train"},
    }
    config["datasets"]["some"] = {"source": "ohms", "of": "images"}
    config["datasets"]["elsewhere"] = ELSEWHERE
    config["proposals"]["given"] = {"kind": "external", "file": "given.json"}
    config["runs"]["theirs"] = {"method": "external", "backbone": {"weights": "theirs.pth"}}
    config["runs"]["away"] = {"dataset": "elsewhere", "backbone": {"init_from": "start.pth"}}
    return load_plan(config)


IMAGES = {"train.csv", "names.csv", "train"}


@pytest.mark.parametrize(
    ("rule", "wildcards", "missing"),
    [
        ("index_images", {"dataset": "drawn"}, set()),
        ("index_images", {"dataset": "images"}, IMAGES),
        ("index_images", {"dataset": "some"}, IMAGES),
        ("fine_tune", {"run": "theirs", "task": "boxes", "seed": "0"}, {"VOC2007"}),
        ("evaluate_linear", {"run": "away", "task": "linear", "seed": "0"}, set()),
        ("pretrain", {"run": "theirs", "seed": "0"}, {"theirs.pth"}),
        ("pretrain", {"run": "away", "seed": "0"}, {"elsewhere", "start.pth"}),
        ("draw_views", {"run": "away"}, {"elsewhere"}),
        ("make_proposals", {"dataset": "drawn", "source": "given"}, {"given.json"}),
        ("draw_contact_sheet", {"dataset": "drawn", "source": "given"}, set()),
    ],
)
def test_a_job_asks_for_what_it_reads_and_for_nothing_else(scattered, tmp_path, rule, wildcards, missing):
    jobs = [PlannedJob("draw_scenes", {"dataset": "drawn"}), PlannedJob(rule, wildcards)]
    if not missing:
        scattered.needs.require(jobs)
        return
    with pytest.raises(StudyError) as caught:
        scattered.needs.require(jobs)
    said = str(caught.value)
    assert f"{len(missing)} problem(s)" in said
    assert all(f"{tmp_path}/{name} is not there" in said for name in missing)
    assert ("put the weights of runs.away.backbone.init_from there" in said) == ("start.pth" in missing)
