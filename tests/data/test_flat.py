"""Flat sequences are those that they were made of."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.boxes import Size
from objectcrop.data.flat import BoxLists, Groups, Paths, Sizes, Texts


@given(st.lists(st.text()))
def test_texts_are_the_strings(texts):
    flat = Texts(texts)
    assert list(flat) == texts
    assert len(flat) == len(texts)
    assert flat[1:-1] == tuple(texts[1:-1])
    assert [flat[place] for place in range(-len(texts), 0)] == texts
    for place in (len(texts), -len(texts) - 1):
        with pytest.raises(IndexError):
            flat[place]


@given(st.lists(st.text(), unique=True), st.lists(st.text()))
def test_places_are_those_of_a_dictionary(texts, sought):
    sought = sought + texts[::2]
    places = {text: place for place, text in enumerate(texts)}
    assert Texts(texts).places_of(pd.Series(sought, dtype="str")).tolist() == [places.get(text, -1) for text in sought]


def test_paths_and_sizes_are_made_when_they_are_read():
    paths = Paths(Path("data"), Texts(["train/a.jpg", "b/ä.png"]))
    assert list(paths) == [Path("data/train/a.jpg"), Path("data/b/ä.png")]
    assert list(paths.take(np.array([1, 1]))) == [Path("data/b/ä.png")] * 2
    sizes = Sizes.of([Size(3, 4), Size(5, 6)])
    assert sizes[1] == Size(5, 6)
    assert type(sizes[1].width) is int
    assert Sizes.of(sizes) is sizes
    assert list(sizes.take(np.array([1, 0]))) == [Size(5, 6), Size(3, 4)]


counts = st.lists(st.integers(0, 4))


@given(counts)
def test_groups_are_those_of_a_loop(counts):
    groups, owners, places = Groups(np.array(counts, dtype=np.int64)), [], []
    for owner, count in enumerate(counts):
        owners += [owner] * count
        places += range(count)
    assert groups.owners.tolist() == owners
    assert groups.places.tolist() == places
    assert groups.counts.tolist() == counts


@given(counts)
def test_boxes_are_those_of_each_image(counts):
    boxes = [np.arange(4.0 * count).reshape(-1, 4) + number for number, count in enumerate(counts)]
    flat = BoxLists.of(boxes)
    assert len(flat) == len(boxes)
    assert all(np.array_equal(one, other) for one, other in zip(flat, boxes, strict=True))
    assert [len(some) for some in BoxLists.empty(len(counts))] == [0] * len(counts)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system states no memory by kind")
def test_a_forked_worker_that_reads_them_copies_nothing():
    """A list of as many strings is copied, page by page: the counts of references are written. Both are read backwards once."""
    texts = [f"train/{number:012d}.jpg" for number in range(200_000)]
    assert grown_mib(texts) > 5
    assert grown_mib(Texts(texts)) < 1


def grown_mib(texts):
    def private_kib():
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        before = private_kib()
        for place in range(len(texts) - 1, -1, -1):
            texts[place]
        os.write(writer, str(private_kib() - before).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return int(os.read(reader, 100)) / 1024
