"""The digest of annotations: of every file that a fine-tuning reads, and of no other."""

import shutil

import pytest

from objectcrop.evaluate.detection.files import annotations_sha256
from objectcrop.study.settings.datasets import CocoDataset, VocDataset
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask
from tests.evaluate.detection.conftest import DRAWN

DETECTOR = DetectorTask(kind="detector", dataset="few")
SEGMENTER = SegmenterTask(kind="segmenter", dataset="few")
VOC, COCO = "drawn/few/VOC2007", "drawn/few/coco/annotations"


@pytest.fixture
def root(drawn_root, tmp_path):
    return shutil.copytree(drawn_root, tmp_path / "root")


def edit(path):
    path.write_text(path.read_text() + "\n")


@pytest.mark.parametrize(
    ("task", "file"),
    [
        (DETECTOR, f"{VOC}/ImageSets/Main/trainval.txt"),
        (DETECTOR, f"{VOC}/ImageSets/Main/test.txt"),
        (DETECTOR, f"{VOC}/Annotations/train1.xml"),
        (DETECTOR, f"{VOC}/Annotations/test6.xml"),
        (SEGMENTER, f"{COCO}/instances_train.json"),
        (SEGMENTER, f"{COCO}/instances_test.json"),
    ],
)
def test_an_edit_of_a_file_that_is_read_changes_the_digest_of_its_task_alone(root, task, file):
    tasks = (DETECTOR, SEGMENTER)
    before = {kind.kind: annotations_sha256(kind, "few", DRAWN, root) for kind in tasks}
    assert before == {kind.kind: annotations_sha256(kind, "few", DRAWN, root) for kind in tasks}
    edit(root / file)
    after = {kind.kind: annotations_sha256(kind, "few", DRAWN, root) for kind in tasks}
    assert {kind for kind in before if before[kind] != after[kind]} == {task.kind}


def test_files_that_no_image_set_names_do_not_count(root):
    before = annotations_sha256(DETECTOR, "few", DRAWN, root)
    (root / VOC / "Annotations/unnamed.xml").write_text("<annotation/>")
    assert annotations_sha256(DETECTOR, "few", DRAWN, root) == before


def test_drawn_scenes_are_read_as_their_layouts_are(root):
    parts = {"train": [{"devkit": VOC, "image_set": "trainval"}], "test": [{"devkit": VOC, "image_set": "test"}]}
    voc = VocDataset.model_validate({"source": "voc", "parts": parts})
    assert annotations_sha256(DETECTOR, "x", voc, root) == annotations_sha256(DETECTOR, "few", DRAWN, root)
    instances = {split: f"{COCO}/instances_{split}.json" for split in ("train", "test")}
    coco = CocoDataset(source="coco", instances=instances, images={"train": "a", "test": "b"})
    assert annotations_sha256(SEGMENTER, "x", coco, root) == annotations_sha256(SEGMENTER, "few", DRAWN, root)


def test_a_missing_file_is_named(root):
    (root / VOC / "Annotations/test6.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"test6\.xml"):
        annotations_sha256(DETECTOR, "few", DRAWN, root)
