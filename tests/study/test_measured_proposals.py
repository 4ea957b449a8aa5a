"""Which data sets proposals can be measured on: found out before the first job."""

import pytest

from objectcrop.study.loading import StudyError, load_study

BASE = {
    "name": "small",
    "datasets": {
        "photographs": {"source": "folder", "images": "p"},
        "more": {"source": "folder", "images": "m"},
        "drawn": {"source": "drawn"},
        "unlabelled": {"source": "union", "parts": ["photographs", "more"]},
        "some-labelled": {"source": "union", "parts": ["photographs", "drawn"]},
    },
    "proposals": {"centre": {"kind": "centre"}},
    "runs": {},
    "tasks": {},
    "tables": {},
}


@pytest.mark.parametrize("name", ["photographs", "unlabelled"])
def test_images_without_labels_are_a_problem_of_the_study(name):
    with pytest.raises(StudyError) as caught:
        load_study(BASE | {"measured_proposals": {name: ["centre"], "drawn": ["centre"]}})
    (line,) = [line for line in str(caught.value).splitlines() if "measured_proposals" in line]
    assert f"measured_proposals.{name}: {name!r} has no annotated boxes to measure with" in line
    assert "name a labelled data set" in line


@pytest.mark.parametrize("name", ["drawn", "some-labelled"])
def test_a_data_set_with_a_labelled_part_is_none(name):
    assert name in load_study(BASE | {"measured_proposals": {name: ["centre"]}}).measured_proposals
