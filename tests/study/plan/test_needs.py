import pytest

from objectcrop.study.loading import StudyError
from objectcrop.study.plan.plan import load_plan


def test_data_sets_and_sources_in_use_are_followed_to_what_they_are_made_from(plan, config):
    assert plan.needs.datasets() == ["ohms", "drawn"]  # no table trains on the union or judges by VOC
    assert plan.needs.sources() == ["lod", "gt"]
    config["measured_proposals"] = {"both": ["degree"]}
    plan = load_plan(config)
    assert plan.needs.datasets() == ["ohms", "drawn", "both", "more"]
    assert plan.needs.sources() == ["degree", "lod"]


def test_only_what_is_in_use_must_be_there(plan, config, tmp_path):
    assert plan.needs.missing() == {}
    config["tables"]["two"]["columns"][0]["task"] = "boxes"
    config["runs"]["random-init"]["backbone"] = {"weights": "w.safetensors"}
    plan = load_plan(config)
    assert plan.needs.data_root() == str(tmp_path)
    assert set(plan.needs.missing()) == {f"{tmp_path}/VOC2007", f"{tmp_path}/w.safetensors"}
    assert plan.needs.missing()[f"{tmp_path}/w.safetensors"] == "put the weights there"
    with pytest.raises(StudyError, match=r"2 problem\(s\)"):
        plan.needs.require()
    (tmp_path / "VOC2007").mkdir()
    (tmp_path / "w.safetensors").touch()
    plan.needs.require()
