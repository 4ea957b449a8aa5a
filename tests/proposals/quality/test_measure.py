import pandas as pd
import pytest

from objectcrop.boxes import Size
from objectcrop.proposals.quality.measure import measure
from objectcrop.tables import PROPOSALS, check, empty_table

SIZES = {"a": Size(100, 50), "b": Size(10, 10), "without": Size(10, 10)}


def annotations() -> pd.DataFrame:
    rows = [
        ("a", 0.0, 0.0, 0.5, 0.5, False),  # large
        ("a", 0.9, 0.9, 0.95, 0.95, False),  # small
        ("b", 0.0, 0.0, 1.0, 1.0, True),
        ("without", 0.2, 0.2, 0.4, 0.4, False),  # medium
        ("of the test split", 0.0, 0.0, 1.0, 1.0, False),
    ]
    return pd.DataFrame(rows, columns=["image_id", "x1", "y1", "x2", "y2", "is_crowd"])


def proposals() -> pd.DataFrame:
    rows = [("a", 0, 0, 0, 50, 25, 1.0), ("a", 1, 50, 25, 60, 30, 0.5), ("b", 0, 0, 0, 10, 10, 1.0)]
    return check(pd.DataFrame(rows, columns=list(PROPOSALS.columns)), PROPOSALS, where="test")


def test_images_with_objects_are_measured_with_or_without_proposals():
    values = measure(proposals(), annotations(), SIZES)
    assert (values["num_images_measured"], values["num_images_without_proposals"], values["num_objects"]) == (2, 1, 3)
    assert values["corloc"] == 0.5
    assert values["det_rate"] == pytest.approx(1 / 3)
    assert values["mabo"] == pytest.approx((1 + 0) / 2 / 2)
    assert values["mean_area_share"] == pytest.approx((0.25 + 0.01) / 2)
    assert values["mean_boxes"] == 1


def test_rates_are_reported_by_object_size():
    by_size = measure(proposals(), annotations(), SIZES)["by_object_size"]
    assert {name: (part["num_objects"], part["det_rate"]) for name, part in by_size.items()} == {
        "small": (1, 0.0),
        "medium": (1, 0.0),
        "large": (1, 1.0),
    }


@pytest.mark.parametrize("rows", [[], [2], [4]])
def test_a_data_set_without_boxes_cannot_be_measured(rows):
    """Nor can one whose boxes are crowds, or of images that get no proposals."""
    with pytest.raises(ValueError, match=rf"none of the 3 training images .* \({len(rows)} annotations"):
        measure(proposals(), annotations().iloc[rows], SIZES)


def test_images_that_got_no_proposal_at_all_are_misses():
    metrics = measure(empty_table(PROPOSALS), annotations(), SIZES)
    assert (metrics["num_images_measured"], metrics["corloc"], metrics["mean_area_share"]) == (2, 0.0, None)
    assert metrics["by_object_size"]["small"]["det_rate"] == 0


def test_intervals_hold_the_value_and_none_stands_for_sizes_that_nobody_annotated():
    metrics = measure(proposals(), annotations().iloc[:1], SIZES)  # one image, one large object, met
    assert metrics["intervals"]["corloc"] == metrics["intervals"]["det_rate_large"] == (1.0, 1.0)
    assert metrics["intervals"]["det_rate_small"] is None
    several = measure(proposals(), annotations(), SIZES)
    for name in ("corloc", "det_rate", "mabo"):
        low, high = several["intervals"][name]
        assert low <= several[name] <= high
