from objectcrop.study.plan.plan import load_plan

SCENE = "results/pretrain/scene/s0"


def test_features_come_from_the_run_that_the_source_names_also_where_they_are_ranked_otherwise(plan):
    for source in ("lod", "degree"):
        assert plan.trunks.weights(source) == [f"{SCENE}/backbone.safetensors"]
        assert plan.trunks.run_summary(source) == [f"{SCENE}/summary.json"]
    assert plan.trunks.backbone("lod") == plan.study.runs["scene"].backbone


def test_sources_without_a_network_need_none(plan):
    assert plan.trunks.weights("gt") == plan.trunks.run_summary("gt") == plan.trunks.files("gt") == []
    assert plan.trunks.backbone("gt") is None


def test_weights_from_a_file_are_an_input_once_they_are_there(config, tmp_path):
    config["proposals"]["vgg"] = {
        "kind": "maskcut",
        "layer": "features.29",
        "trunk": {"arch": "vgg16", "weights": "v.pth", "trained_with": "labels"},
    }
    plan = load_plan(config)
    assert plan.trunks.weights("vgg") == []
    (tmp_path / "v.pth").touch()
    assert plan.trunks.weights("vgg") == [(tmp_path / "v.pth").as_posix()]
    assert plan.trunks.run_summary("vgg") == []
    assert plan.trunks.locations("vgg") == ["v.pth"]
