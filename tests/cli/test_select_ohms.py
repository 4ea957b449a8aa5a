"""The door to the rules of OHMS."""

import json

import pandas as pd
import pytest

from objectcrop.runtime.atomic import read_json
from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, read_table, write_table
from workflow_scripts.select_ohms import main


@pytest.fixture
def arguments(tmp_path):
    rows = [(image, class_id) for image in "123" for class_id in "ab"] + [("4", "a"), ("5", "c")]
    boxes = pd.DataFrame(rows, columns=["image_id", "class_id"]).assign(
        split="train", source="s", x1=0, y1=0, x2=1, y2=1
    )
    boxes = boxes.assign(is_group_of=False, is_crowd=False, is_depiction=False)
    write_table(boxes, tmp_path / "boxes.parquet", ANNOTATIONS)
    classes = pd.DataFrame({"class_id": list("abc"), "name": list("ABC"), "num_train_images": [4, 3, 1]})
    write_table(classes, tmp_path / "classes.parquet", CLASSES)

    def list_arguments(min_images: int, **more: int) -> list[str]:
        dataset = {"source": "ohms", "of": "base", "min_images_per_class": min_images, **more}
        outputs = {"images-out": "i.parquet", "classes-out": "c.parquet", "boxes-out": "b.parquet", "summary": "s.json"}
        paths = {"annotations": "boxes.parquet", "classes": "classes.parquet", **outputs}
        files = [word for name, file in paths.items() for word in (f"--{name}", str(tmp_path / file))]
        return ["--settings", json.dumps({"dataset_name": "some", "dataset": dataset}), *files]

    return list_arguments


def test_tables_and_summary_are_written_and_counts_shown_beside_the_paper(arguments, tmp_path, capsys):
    main(arguments(3))
    assert read_table(tmp_path / "i.parquet", IMAGES)["image_id"].tolist() == ["1", "2", "3"]
    assert read_table(tmp_path / "c.parquet", CLASSES)["name"].tolist() == ["A", "B"]
    assert len(read_table(tmp_path / "b.parquet", ANNOTATIONS)) == 6
    summary = read_json(tmp_path / "s.json")
    assert (summary["dataset"], summary["splits"]["train"]["num_images"]) == ("some", 3)
    output = capsys.readouterr().out
    assert "train: num_images 3, num_classes 2" in output
    assert "paper, train: num_images 212753, num_classes 208" in output


def test_what_each_rule_left_and_both_counts_of_a_sample_are_shown_and_written(arguments, tmp_path, capsys):
    main(arguments(3, max_train_images=2))
    output = capsys.readouterr().out
    assert "c: classes with >= 3 images: 3 images, 2 classes" in output
    assert "random sample of training images: 2 images, 2 classes" in output
    assert "of its classes, those that still reach the minimum (none is dropped): 2 images, 0 classes" in output
    steps = read_json(tmp_path / "s.json")["steps"]
    assert [step["num_classes"] for step in steps[-2:]] == [2, 0]


def test_rules_that_leave_nothing_write_nothing(arguments, tmp_path):
    with pytest.raises(ValueError, match="leaves nothing of 3 training images"):
        main(arguments(900))
    assert not (tmp_path / "i.parquet").exists()
