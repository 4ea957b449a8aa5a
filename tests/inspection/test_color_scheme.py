"""Each meaning of a box has a colour of its own."""

from objectcrop.inspection.color_scheme import BOX_COLOURS, REGION_COLOURS


def test_no_two_meanings_share_a_colour():
    objects, proposals = BOX_COLOURS["ground_truth"], BOX_COLOURS["proposals"]
    assert objects["None"] == proposals["miss"]  # groups, and proposals on no object, are grey
    distinct = [objects["True"], objects["False"], *proposals.values(), *REGION_COLOURS.values()]
    assert len(set(distinct)) == len(distinct) == 9
