"""From addresses to a manifest: metadata, boxes, subset, images, index; nothing else is fetched and nothing twice."""

import pytest
import yaml

from objectcrop.data.drawn.dataset import draw_dataset
from objectcrop.runtime.atomic import read_json
from objectcrop.study.loading import StudyError
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.tables import IMAGES, MANIFEST, read_table
from tests.loopback import Server, running
from workflow_scripts import download_metadata, fetch_images, index_images, read_annotations, select_ohms

METADATA = {
    "train": "/v6/oidv6-train-annotations-bbox.csv",
    "validation": "/v5/validation-annotations-bbox.csv",
    "test": "/v5/test-annotations-bbox.csv",
}
CLASSES = "/v5/class-descriptions-boxable.csv"
MANIFEST_FILE = "results/images/ohms/manifest.parquet"


def stock(server: Server, folder, splits) -> None:
    """Serve a folder in Open Images layout as Open Images is served."""
    server.contents[CLASSES] = (folder / "class-descriptions-boxable.csv").read_bytes()
    for split in splits:
        server.contents[METADATA[split]] = (folder / f"{split}-annotations-bbox.csv").read_bytes()
        server.contents |= {f"/{split}/{path.name}": path.read_bytes() for path in (folder / split).iterdir()}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as running_server:
        yield running_server


def study(address: str, splits, **download: object) -> dict:
    transfer = {"metadata_base": address, "images": {"base": address}, "connections": 4, "first_wait_s": 0.01}
    oi = {
        "source": "openimages",
        "boxes": {split: f"oi/{split}.csv" for split in splits},
        "class_descriptions": "oi/classes.csv",
        "images": {split: f"oi/{split}" for split in splits},
        "download": {"version": "v6", "transfer": transfer, **download},
    }
    return {
        "name": "fetched",
        "datasets": {
            "oi": oi,
            "ohms": {
                "source": "ohms",
                "of": "oi",
                "min_images_per_class": 2,
                "max_train_images": 6,
                "max_test_images": 3,
            },
        },
        "runs": {"some": {"dataset": "oi", "method": "random_init"}},
        "tasks": {"linear": {"kind": "linear", "dataset": "ohms"}},
        "tables": {
            "one": {
                "title": "One",
                "columns": [{"task": "linear", "metric": "map", "label": "mAP"}],
                "rows": [{"label": "some", "run": "some"}],
            }
        },
    }


@pytest.mark.slow
@pytest.mark.xdist_group("planned")
def test_the_workflow_fetches_just_what_a_study_uses_and_that_once(server, workflow, tmp_path):
    asked = DrawnDataset(source="drawn", num_train=40, num_test=12, width_px=96, height_px=64, num_classes=3)
    draw_dataset("set", asked, tmp_path)
    stock(server, tmp_path / "drawn/set", ("train", "test"))
    config = study(server.address, ("train", "test"), num_shards=2)
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    folder = workflow.folder / "fetched"
    options = ["--configfile", str(path), "--directory", str(folder), "--config", f"data_root={tmp_path}/data"]
    workflow.run(MANIFEST_FILE, *options)

    subset = read_table(folder / "results/ohms/ohms/images.parquet", IMAGES)
    assert set(read_table(folder / MANIFEST_FILE, MANIFEST).image_id) == set(subset.image_id)
    assert subset.groupby("split").size().to_dict() == {"test": 3, "train": 6}
    images = {f"/{split}/{image_id}.jpg" for image_id, split in subset[["image_id", "split"]].itertuples(index=False)}
    assert set(server.requests) == images | {METADATA["train"], METADATA["test"], CLASSES}
    assert set(server.requests.values()) == {1}
    for name in images:
        assert (tmp_path / "data/oi" / name.lstrip("/")).read_bytes() == server.contents[name]
    reports = [read_json(folder / f"results/downloads/ohms/images/{shard}.json") for shard in range(2)]
    assert sum(report["num_wanted"] for report in reports) == len(subset)
    assert {len(report["failures"]) for report in reports} == {0}
    record = read_json(folder / "results/downloads/oi/metadata.json")
    assert {file["path"] for file in record["files"]} == {"oi/train.csv", "oi/test.csv", "oi/classes.csv"}

    path.write_text(path.read_text().replace(server.address, "http://mirror.invalid"))
    assert workflow.planned(MANIFEST_FILE, *options) == {}  # from where does not matter


@pytest.mark.shared_data
def test_real_photographs_go_through_the_scripts(server, shared, tmp_path):
    splits = ("train", "validation", "test")
    stock(server, shared / "data/openimages_mini", splits)
    config = study(server.address, splits)
    config["datasets"]["ohms"] |= {"min_classes_per_image": 1, "max_train_images": None, "max_test_images": None}
    plan = load_plan(config)
    root, out = ["--data-root", str(tmp_path / "data")], tmp_path / "out"
    common = [*root, "--transfer", plan.downloads.transfer("oi")]
    settings = ["--settings", plan.downloads.metadata_job("oi").as_json()]
    download_metadata.main([*settings, *common, "--out", str(out / "metadata.json")])
    settings = ["--settings", plan.images.dataset_job("oi").as_json()]
    tables = ["--out", str(out / "a.parquet"), "--classes", str(out / "c.parquet")]
    read_annotations.main([*settings, *root, *tables])
    made = {"images-out": "i", "classes-out": "oc", "boxes-out": "ob", "summary": "s"}
    select_ohms.main(
        [
            *("--settings", plan.images.dataset_job("ohms").as_json()),
            *("--annotations", str(out / "a.parquet"), "--classes", str(out / "c.parquet")),
            *(word for option, name in made.items() for word in (f"--{option}", str(out / name))),
        ]
    )
    settings = ["--settings", plan.downloads.image_job("ohms").as_json()]
    subset = ["--subset-images", str(out / "i")]
    fetch_images.main([*settings, *common, *subset, "--shard", "0", "--out", str(out / "0.json")])
    written = ["--out", str(out / "m.parquet"), "--unreadable", str(out / "u.json"), "--files", str(out / "f.parquet")]
    index_images.main(["--settings", plan.images.index_job("ohms").as_json(), *root, *subset, *written])
    manifest = read_table(out / "m.parquet", MANIFEST)
    assert manifest.groupby("split").size().to_dict() == {"train": 21, "validation": 7, "test": 7}
    assert read_json(out / "u.json")["num_unreadable"] == 0
    assert_images_are_those_of(shared, manifest, tmp_path)

    config["datasets"]["oi"]["download"]["max_images"] = {"train": 5, "test": 2}
    plan = load_plan(config)
    settings, boxes = (
        ["--settings", plan.downloads.image_job("oi").as_json()],
        ["--annotations", str(out / "a.parquet")],
    )
    fetch_images.main([*settings, *common, *boxes, "--shard", "0", "--out", str(out / "direct.json")])
    assert read_json(out / "direct.json")["num_already_there"] == 5 + 2 + 7
    index_images.main(["--settings", plan.images.index_job("oi").as_json(), *root, *boxes, *written])
    direct = read_table(out / "m.parquet", MANIFEST)
    assert direct.groupby("split").size().to_dict() == {"train": 5, "validation": 7, "test": 2}
    assert set(server.requests.values()) == {1}


def assert_images_are_those_of(shared, manifest, tmp_path):
    for row in manifest.itertuples():
        mini = shared / "data/openimages_mini" / row.split / f"{row.image_id}.jpg"
        assert (tmp_path / "data" / row.path).read_bytes() == mini.read_bytes()


def test_data_that_is_downloaded_is_not_asked_for_and_tars_are():
    config = study("http://127.0.0.1:1", ("train", "test"))
    assert load_plan(config | {"data_root": "nowhere"}).needs.missing() == {}
    config["datasets"]["oi"]["download"]["transfer"]["images"] = {"kind": "tars", "folder": "packed"}
    assert load_plan(config | {"data_root": "nowhere"}).needs.missing() == {
        "nowhere/packed": "put the data there (get it from Open Images: https://storage.googleapis.com/openimages/web/index.html)"
    }
    del config["datasets"]["oi"]["download"]
    assert "nowhere/oi/train.csv" in load_plan(config | {"data_root": "nowhere"}).needs.missing()


def test_a_misspelt_setting_of_a_download_is_named_before_the_first_job():
    config = study("http://127.0.0.1:1", ("train", "test"), max_image={"train": 3})
    with pytest.raises(StudyError, match=r"download\.max_image: there is no such setting"):
        load_plan(config)


def test_a_setting_of_an_earlier_version_is_named_as_it_is_called_now():
    config = study("http://127.0.0.1:1", ("train", "test"))
    config["datasets"]["oi"]["download"]["transfer"]["picture_deadline_s"] = 3
    with pytest.raises(StudyError, match=r"transfer\.picture_deadline_s: is now called 'image_deadline_s'"):
        load_plan(config)


def test_results_do_not_depend_on_where_data_comes_from():
    settings = []
    for address in ("http://one.invalid", "http://two.invalid"):
        plan = load_plan(study(address, ("train", "test")))
        of_data = [plan.images.dataset_job("ohms"), plan.images.index_job("oi")]
        jobs = [*of_data, plan.downloads.metadata_job("oi"), plan.downloads.image_job("ohms")]
        settings.append([job.as_json() for job in jobs])
    assert settings[0] == settings[1]
    assert "invalid" not in "".join(settings[0])
