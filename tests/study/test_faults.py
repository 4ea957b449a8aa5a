"""A mistake is said with its path in the config, and brings no false problem elsewhere, in whichever section it is."""

import copy

import pytest

from objectcrop.study.loading import StudyError, examine
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.study import Study
from tests.study.checks.conftest import CONFIG, changed

MISTAKES = [
    (("name",), "No Name", "name: String should match pattern"),
    (("name",), None, "name: is missing; Short name."),
    (("title",), 3, "title: Input should be a valid string, got 3"),
    (("about",), 3, "about: Input should be a valid string, got 3"),
    (("seed",), "x", "seed: Input should be a valid integer"),
    (("seeds",), [0, "x"], "seeds.1: Input should be a valid integer"),
    (("seeds",), [-1], "seeds.0: Input should be greater than or equal to 0, got -1"),
    (("data_root",), 7, "data_root: Input should be a valid string, got 7"),
    (("allow_stale",), 7, "allow_stale: Input should be a valid boolean, unable to interpret input, got 7"),
    (("paths", "data"), 7, "paths.data: Input should be a valid string, got 7"),
    (
        ("paths",),
        {"dat": "x"},
        "paths.dat: there is no such setting (misspelt, or in the wrong section?); did you mean 'data'?",
    ),
    (("tracking", "pretrain"), "x", "tracking.pretrain: Input should be 'recipe' or 'content', got 'x'"),
    (("datasets", "drawn", "num_train"), "x", "datasets.drawn.num_train: Input should be a valid integer"),
    (
        ("datasets", "drawn", "num_trian"),
        3,
        "datasets.drawn.num_trian: there is no such setting (misspelt, or in the wrong section?); did you mean 'num_train'?",
    ),
    (("datasets", "ohms", "source"), "ohm", "datasets.ohms: Input tag 'ohm'"),
    (("datasets", "voc"), 3, "datasets.voc: Input should be a valid dictionary"),
    (("datasets", "Big"), {"source": "drawn"}, "datasets.Big: is no name; a name has lower-case letters"),
    (("datasets", "coco", "instances"), None, "datasets.coco.instances: is missing; Instances JSON of each split"),
    (
        ("proposals", "lod", "max_boxes"),
        0,
        "proposals.lod.max_boxes: Input should be greater than or equal to 1, got 0",
    ),
    (("proposals", "vgg", "trunk", "weights"), None, "proposals.vgg.trunk.weights: vgg16 needs a file"),
    (
        ("datasets", "drawn", "mean_objects"),
        20,
        "datasets.drawn.mean_objects: Input should be less than or equal to 12",
    ),
    (
        ("datasets", "drawn", "max_objects"),
        2,
        "datasets.drawn.mean_objects: 4.0 must be between min_objects 1 and max_objects 2",
    ),
    (("datasets", "ohms", "max_classes_per_image"), 1, "datasets.ohms.max_classes_per_image: 1 must not be below"),
    (
        ("datasets", "fetched", "download"),
        {"max_images": {"validation": 1}},
        "datasets.fetched.download.max_images: names ['validation']",
    ),
    (
        ("datasets", "fetched", "image_suffixes"),
        [".png"],
        "datasets.fetched.image_suffixes: lacks .jpg, which download writes",
    ),
    (
        ("proposals", "lod", "trunk"),
        {"arch": "vgg16", "weights": "v", "trained_with": "w"},
        "proposals.lod.features_run: give",
    ),
    (("proposals", "gt", "kind"), None, "proposals.gt: Unable to extract tag"),
    (
        ("runs", "scene", "optimizer"),
        {"epoch": 1},
        "runs.scene.optimizer.epoch: there is no such setting (misspelt, or in the wrong section?); did you mean 'epochs'?",
    ),
    (
        ("runs", "scene", "views"),
        {"scene_scale_min": 0.5, "scene_scale_max": 0.4},
        "runs.scene.views.scene_scale_min: 0.5 exceeds",
    ),
    (
        ("runs", "objects", "moco"),
        {"heads": "three"},
        "runs.objects.moco.heads: Input should be 'shared' or 'per_view'",
    ),
    (("runs", "objects"), 3, "runs.objects: expected settings, got 3"),
    (("runs", "labels", "dataset"), None, "runs.labels.dataset: is missing; method supervised trains on images"),
    (("runs", "objects", "inherit"), "scen", "runs.objects.inherit: there is no run 'scen'; did you mean 'scene'?"),
    (
        ("tasks", "boxes", "schedule"),
        {"norm": "none"},
        "tasks.boxes.schedule.norm: Input should be 'BN', 'SyncBN' or 'FrozenBN'",
    ),
    (
        ("tasks", "linear", "learning_rates"),
        [0],
        "tasks.linear.learning_rates.0: Input should be greater than 0, got 0",
    ),
    (("tables", "one", "rows", 0, "run"), 3, "tables.one.rows.0.run: Input should be a valid string, got 3"),
    (("tables", "one", "columns", 0, "metrc"), "map", "tables.one.columns.0.metrc: there is no such setting"),
    (("tables", "one", "title"), None, "tables.one.title: is missing; Heading of the table."),
    (("tables", "two", "rows"), [], "tables.two.rows: Tuple should have at least 1 item"),
    (("measured_proposals", "ohms"), [3], "measured_proposals.ohms.0: Input should be a valid string, got 3"),
    (("measured_proposals",), ["ohms"], "measured_proposals: Input should be a valid dictionary"),
    (("title_note",), 3, "title_note: Input should be a valid string, got 3"),
    (("costs",), {"gpu": {"teraflops": 0}}, "costs.gpu.teraflops: Input should be greater than 0, got 0"),
    (("measured_subsets",), [3], "measured_subsets.0: Input should be a valid string, got 3"),
    (("inspection", "max_images"), 0, "inspection.max_images: Input should be greater than or equal to 1, got 0"),
    (("inspection",), 3, "inspection: Input should be a valid dictionary"),
    *(
        ((section,), 3, f"{section}: Input should be a valid dictionary")
        for section in ("datasets", "proposals", "runs", "tasks", "tables", "targets")
    ),
]

PLANTED = {
    "seeds": (("seeds",), [4, 4], "seeds.1: 4 is in the list already; remove it"),
    "datasets": (
        ("datasets", "rare", "of"),
        "drown",
        "datasets.rare.of: there is no data set 'drown'; did you mean 'drawn'?",
    ),
    "proposals": (
        ("proposals", "cuts", "layer"),
        "layr3",
        "proposals.cuts.layer: the trunk of run 'scene' has no layer 'layr3'; did you mean 'layer3'?",
    ),
    "runs": (
        ("runs", "labels", "dataset"),
        "ohm",
        "runs.labels.dataset: there is no data set 'ohm'; did you mean 'ohms'?",
    ),
    "tasks": (
        ("tasks", "masks", "dataset"),
        "coc",
        "tasks.masks.dataset: there is no data set 'coc'; did you mean 'coco'?",
    ),
    "tables": (
        ("tables", "two", "rows", 1, "run"),
        "object",
        "tables.two.rows.1.run: there is no run 'object'; did you mean 'objects'?",
    ),
    "inspection": (
        ("inspection", "run"),
        "object",
        "inspection.run: there is no run 'object'; did you mean 'objects'?",
    ),
}
"""A true problem in each section, to be found beside a mistake elsewhere."""


def problems_of(config):
    """The problems of a config that stand in a study's message, missing files among them."""
    with pytest.raises(StudyError) as caught:
        load_plan(config)
    return [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]


def files(problems):
    return {problem for problem in problems if " is not there: " in problem}


def with_planted(config):
    for path, value, _ in PLANTED.values():
        config = changed(config, path, value)
    return config


def test_mistakes_are_made_in_every_section():
    assert {path[0] for path, _, _ in MISTAKES} == set(Study.model_fields)


@pytest.mark.parametrize(("path", "value", "problem"), MISTAKES)
def test_a_mistake_is_named_and_brings_no_other_problem(path, value, problem):
    (found,) = dict.fromkeys(examine(changed(CONFIG, path, value)).problems)
    assert found.startswith(problem), found


@pytest.mark.parametrize(("path", "value", "problem"), MISTAKES)
def test_a_mistake_does_not_hide_those_of_other_sections(path, value, problem):
    config = with_planted(CONFIG)
    all_files = files(problems_of(config))
    assert len(all_files) > 5
    problems = problems_of(changed(config, path, value))
    others = {section: text for section, (_, _, text) in PLANTED.items() if section != path[0]}
    # layers are looked up in a run: where there is none, nobody knows them
    if path[0] == "runs" and path[1:2] not in (("objects",), ("labels",)):
        del others["proposals"]
    if path == ("datasets",):
        others = {section: text for section, text in others.items() if "no data set" not in text}
    if path == ("runs",):
        others = {section: text for section, text in others.items() if "no run" not in text}
    assert set(others.values()) <= set(problems)
    assert [found for found in problems if found.startswith(problem)]
    assert files(problems) <= all_files  # none that is false
    if path[0] in ("paths", "data_root"):
        assert not files(problems)  # nobody knows where they would be
    elif path[0] not in ("datasets", "proposals", "runs", "tasks", "tables", "measured_proposals"):
        assert files(problems) == all_files


def test_a_mistake_that_runs_take_over_is_said_once_where_it_stands():
    config = changed(CONFIG, ("runs", "scene", "losses"), {"rotaton": 1})
    assert [problem.split(":")[0] for problem in dict.fromkeys(examine(config).problems)] == [
        "runs.scene.losses.rotaton"
    ]
    config["runs"]["objects"]["losses"] = {"rotatoin": 1}
    found = {problem.split(":")[0] for problem in examine(config).problems}
    assert found == {"runs.scene.losses.rotaton", "runs.objects.losses.rotatoin"}


def test_a_misfit_that_runs_take_over_is_said_once_and_one_of_their_own_beside_it():
    config = changed(CONFIG, ("runs", "scene", "moco"), {"queue_length": 1000})
    config["runs"]["larger"] = {"inherit": "objects", "optimizer": {"global_batch_size": 300}}
    assert [problem.split(";")[0] for problem in examine(config).problems] == [
        "runs.scene.moco.queue_length: 1000 is not a multiple of optimizer.global_batch_size 256",
        "runs.larger.moco.queue_length: 1000 is not a multiple of optimizer.global_batch_size 300",
    ]


def test_names_are_looked_up_in_faulty_entries_too():
    config = changed(CONFIG, ("runs", "labels"), {"dataset": "ohm", "optimiser": {}})
    found = {problem.split(":")[0] for problem in examine(config).problems}
    assert found == {"runs.labels.dataset", "runs.labels.optimiser"}


@pytest.mark.parametrize(
    "section", ["datasets", "proposals", "runs", "tasks", "tables", "paths", "inspection", "seeds"]
)
def test_a_misspelt_section_is_one_problem(section):
    config = copy.deepcopy(CONFIG)
    misspelt = section[:-1] + "z"
    config[misspelt] = config.pop(section)
    assert examine(config).problems == [f"{misspelt}: there is no such setting; did you mean {section!r}?"]


def test_two_mistakes_in_one_list_are_both_named_and_the_rest_is_checked():
    config = changed(CONFIG, ("tables", "one", "rows", 0, "run"), 3)
    config = changed(config, ("tables", "one", "rows", 1, "label"), 4)
    config = changed(config, ("tables", "one", "rows", 2, "run"), "scen")
    found = {problem.split(":")[0] for problem in examine(config).problems}
    assert found == {"tables.one.rows.0.run", "tables.one.rows.1.label", "tables.one.rows.2.run"}


def test_a_mistake_in_a_row_leaves_the_rest_of_its_table_to_be_checked():
    config = changed(CONFIG, ("tables", "one", "rows", 0, "run"), 3)
    config = changed(config, ("tables", "one", "columns", 1, "metric"), "map_batched_265")
    found = {problem.split(":")[0] for problem in examine(config).problems}
    assert found == {"tables.one.rows.0.run", "tables.one.columns.1.metric"}


def test_a_mistake_in_a_measurement_leaves_the_others_to_be_checked():
    config = changed(CONFIG, ("measured_proposals", "ohms"), [3, "lod", "lod"])
    config = changed(config, ("measured_proposals", "photos"), ["lod"])
    found = {problem.split(":")[0] for problem in examine(config).problems}
    assert {"measured_proposals.ohms.0", "measured_proposals.photos"} <= found


def test_a_file_is_missing_under_the_data_root_that_is_given_whatever_paths_say(tmp_path):
    config = changed(with_planted(CONFIG), ("paths",), {"dat": "x"}) | {"data_root": str(tmp_path)}
    assert all(str(tmp_path) in problem for problem in files(problems_of(config)))
    assert files(problems_of(config))
