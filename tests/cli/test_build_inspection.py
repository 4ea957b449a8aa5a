"""The door from proposals to a FiftyOne export."""

import hashlib
import json

import pytest

from tests.inspection.small_study import NUM_IMAGES, RANKED, build, write_study

pytestmark = pytest.mark.xdist_group("build-inspection")  # its fixtures are made once

EXPORT = "results/inspect/drawn/lod/fiftyone"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"))
    temporary = tmp_path_factory.mktemp("t")
    build(folder, TMPDIR=str(temporary))
    assert list(temporary.glob("objectcrop-*")) == []
    return folder


@pytest.fixture
def samples(built):
    samples = json.loads((built / EXPORT / "samples.json").read_text())["samples"]
    return {sample["image_id"]: sample for sample in samples}


def test_the_export_holds_every_image_and_box_of_the_tables(samples):
    assert sorted(samples) == [f"scene-{number}" for number in range(NUM_IMAGES)]
    for number in range(NUM_IMAGES):
        sample = samples[f"scene-{number}"]
        assert len(sample["ground_truth"]["detections"]) == 2
        assert len(sample["proposals"]["detections"]) == len(RANKED.get(number, []))
    assert [box["verdict"] for box in samples["scene-1"]["proposals"]["detections"]] == ["miss", "hit"]
    assert samples["scene-1"]["corloc"] is False
    assert samples["scene-1"]["det_rate"] == 1.0


def test_crops_of_the_run_lie_in_their_regions_and_regions_in_each_other(samples):
    for number in range(NUM_IMAGES):
        sample = samples[f"scene-{number}"]
        fields = ("object_box", "dilated_box", "view1_crops", "view2_crops")
        drawn = [[box["bounding_box"] for box in sample[name]["detections"]] for name in fields]
        assert [len(boxes) for boxes in drawn] == [3, 3, 3, 3]
        for inner, outer, first, second in zip(*drawn, strict=True):
            assert lies_in(inner, outer)
            assert lies_in(first, inner)
            assert lies_in(second, outer)
    assert [box["label"] for box in samples["scene-0"]["view1_crops"]["detections"]] == ["#1"] * 3
    assert samples["scene-0"]["crop_hit_rate"] == 1.0
    assert {box["label"] for box in samples["scene-5"]["view1_crops"]["detections"]} == {"whole image"}


def lies_in(inner, outer, tolerance=1e-6):
    ends = [(box[0], box[1], box[0] + box[2], box[1] + box[3]) for box in (inner, outer)]
    (left, top, right, bottom), (least_x, least_y, most_x, most_y) = ends
    low = left >= least_x - tolerance and top >= least_y - tolerance
    return low and right <= most_x + tolerance and bottom <= most_y + tolerance


def test_without_a_run_there_are_no_crop_fields(tmp_path):
    folder = write_study(tmp_path / "study")
    build(folder, with_run=False)
    assert "view1_crops" not in (folder / EXPORT / "samples.json").read_text()
    assert "view1_crops" not in (folder / EXPORT / "metadata.json").read_text()


def test_classes_have_their_names(samples):
    assert [box["label"] for box in samples["scene-0"]["ground_truth"]["detections"]] == ["Ball", "Crate"]


def test_paths_are_relative_and_no_image_is_copied(built, samples):
    for number in range(NUM_IMAGES):
        assert samples[f"scene-{number}"]["filepath"] == f"scenes/scene-{number}.jpg"
    files = sorted(
        path.name for path in (built / EXPORT).rglob("*") if path.is_file() and path.parent.name != ".records"
    )
    assert files == ["manifest.json", "metadata.json", "samples.json"]
    assert list((built / EXPORT).parent.iterdir()) == [built / EXPORT]


def test_the_manifest_names_files_and_versions(built):
    manifest = json.loads((built / EXPORT / "manifest.json").read_text())
    assert manifest["num_images"] == NUM_IMAGES
    assert manifest["provenance"]["versions"]["fiftyone"] == "1.22.1"
    for name, expected in manifest["sha256"].items():
        assert hashlib.sha256((built / EXPORT / name).read_bytes()).hexdigest() == expected
    assert "num_missed" in manifest["indexes"]


def test_without_mongod_the_message_names_the_ways_on(built):
    before = (built / EXPORT / "manifest.json").read_bytes()
    done = build(built, check=False, OBJECTCROP_MONGOD="/bin/false")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for word in ("OBJECTCROP_MONGOD", "FIFTYONE_DATABASE_URI", "make setup"):
        assert word in done.stderr
    assert (built / EXPORT / "manifest.json").read_bytes() == before
