"""The first screen answers what the tables show, and no more."""

import pytest

from objectcrop.report.page.answer import ABOUT_OBJECTS, NOTHING_LEARNED, ONE_TRAINING, answer_of, headline_on_objects
from objectcrop.report.tables.contrasts import Contrast
from tests.report.page.small_report import report_job
from tests.report.tables.test_contrasts import cell, table

RUNS = ("random-init", "scene", "objects", "boxes")


def rows(*values, half=1.0, title="Rows"):
    cells = [cell(run, value, interval=[value - half, value + half]) for run, value in zip(RUNS, values, strict=True)]
    return table(cells) | {"title": title}


def answered(**tables):
    return answer_of(report_job(tables={name: report_job().tables["small"] for name in tables}), tables)


def test_a_gain_beyond_its_interval_is_the_answer_with_that_interval():
    answer = answered(one=rows(30.0, 40.0, 46.0, 41.0))
    assert answer.question == ABOUT_OBJECTS
    assert answer.headline == "Yes, here: +6.0 points (+4.6 to +7.4 over test images)."
    against_scenes, against_boxes, scene_learned, objects_learned, once = answer.sentences
    assert against_scenes.startswith("objects against scene: +6.0")
    assert against_boxes.startswith("objects against boxes: +5.0")
    assert scene_learned.startswith("scene against random-init: +10.0")
    assert objects_learned.startswith("objects against random-init: +16.0")
    assert once == ONE_TRAINING
    assert answer.table == "one"


def test_within_the_interval_nothing_is_claimed_and_untrained_features_are_named_as_the_reason():
    answer = answered(one=rows(40.0, 40.5, 41.0, 41.0))
    assert answer.headline.startswith("It cannot be said: no row of object crops differs")
    assert NOTHING_LEARNED in answer.sentences


def test_what_object_crops_alone_have_learned_is_something_to_judge():
    answer = answered(one=rows(40.0, 40.0, 46.0, 41.0))
    assert answer.headline.startswith("Yes, here: +6.0 points")
    assert answer.sentences[2].startswith("scene against random-init: +0.0")
    assert answer.sentences[3].startswith("objects against random-init: +6.0")
    assert NOTHING_LEARNED not in answer.sentences


def test_the_headline_says_where_boxes_at_random_places_gain_as_well():
    told = "It cannot be set apart from the gain of boxes at random places."
    assert answered(one=rows(30.0, 40.0, 46.0, 45.5)).headline.endswith(f"(+4.6 to +7.4 over test images). {told}")
    assert told not in answered(one=rows(30.0, 40.0, 46.0, 41.0)).headline
    assert told not in answered(one=rows(30.0, 40.0, 40.5, 40.5)).headline


def test_a_loss_is_an_answer_too():
    assert answered(one=rows(30.0, 46.0, 40.0, 41.0)).headline.startswith(
        "No, here: 1 of 1 row of object crops are below"
    )


@pytest.mark.parametrize(
    ("verdicts", "begin"),
    [
        (("above", "above"), "Yes, here: +1.0 to +2.0 points in both rows"),
        (("above", "unclear"), "In part: 1 of 2 rows"),
        (("above", "below"), "It depends: 1 of 2 rows"),
        (("below", "unclear"), "No, here: 1 of 2 rows"),
        (("unclear", "unclear"), "It cannot be said: no row"),
        (("unknown", "unknown"), "It cannot be said: there are no intervals"),
    ],
)
def test_several_rows_are_summed_up(verdicts, begin):
    ends = {"above": (0.5, 3.0), "below": (-3.0, -0.5), "unclear": (-1.0, 3.0), "unknown": None}
    found = [
        Contrast(f"row {place}", "scene", 1.0 + place, ends[verdict], None, 1, False)
        for place, verdict in enumerate(verdicts)
    ]
    assert [one.verdict for one in found] == list(verdicts)
    assert headline_on_objects(found, 1).startswith(begin)


def test_the_question_is_about_the_first_table_with_object_crops_and_the_others_are_summed_up_by_what_does_not_differ():
    others = table([cell("random-init", 1.0), cell("supervised", 2.0)]) | {"title": "Detection"}
    answer = answered(detection=others, linear=rows(30.0, 40.0, 46.0, 41.0))
    assert answer.table == "linear"
    assert answer.elsewhere == ("Detection: supervised does not differ from random-init by more than the interval.",)


def test_without_object_crops_it_is_about_the_first_table():
    cells = [cell("random-init", 1.0, 1.2, interval=[0.9, 1.3]), cell("supervised", 8.0, 8.1, interval=[7.9, 8.2])]
    answer = answered(detection=table(cells) | {"title": "Detection"})
    assert answer.question == "Detection: which rows differ?"
    assert answer.headline == "supervised differs from random-init by more than the interval."
    assert ONE_TRAINING not in answer.sentences
    assert "over 2 seeds" in answer.sentences[0]


def test_where_nothing_can_be_compared_it_says_so():
    answer = answered(one=table([cell("random-init", 1.0), cell("scene")]) | {"title": "One"})
    assert answer.table is None
    assert answer.headline == "No table has two measured rows to compare."


def test_stale_values_are_named():
    cells = [cell("scene", 1.0), cell("objects", 2.0, stale="was made with other settings")]
    assert any("stale" in text for text in answered(one=table(cells) | {"title": "One"}).sentences)
