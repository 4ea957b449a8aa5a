"""Proposals that are large enough, of all images at once."""

from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import Size, as_boxes
from objectcrop.data.flat import BoxLists, Sizes
from objectcrop.ssl.samples.images import DRAWN, UsableRanks, list_sources
from objectcrop.study.settings.runs import Run
from objectcrop.views.regions import usable_ranks


@given(
    st.lists(
        st.tuples(
            st.integers(1, 400),
            st.integers(1, 400),
            st.lists(st.tuples(*[st.floats(-50, 450)] * 4), max_size=5),
        ),
        max_size=6,
    ),
    st.integers(1, 5),
)
def test_usable_proposals_of_all_images_at_once_are_those_of_each(cases, max_proposals):
    sizes = [Size(width, height) for width, height, _ in cases]
    boxes = [as_boxes(corners) for *_, corners in cases]
    usable = UsableRanks(BoxLists.of(boxes), Sizes.of(sizes), max_proposals)
    expected = [usable_ranks(some, size, max_proposals) for some, size in zip(boxes, sizes, strict=True)]
    assert [usable[row] for row in range(len(usable))] == expected
    assert usable.num_without == sum(not ranks for ranks in expected)
    run = Run.model_validate(
        {"dataset": "d", "views": {"sample_unit": "box", "proposals": "p", "regions": ["object", "object"]}}
    )
    sources = [(row, rank) for row, ranks in enumerate(expected) for rank in ranks or [DRAWN]]
    assert list(map(tuple, list_sources(run, usable).tolist())) == sources
