"""Which images are wanted, in which job, and how long one waits for them."""

import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from objectcrop.data.downloads.patience import wait_before
from objectcrop.data.downloads.staging import lock_file, staging
from objectcrop.data.downloads.transfer import TransferError
from objectcrop.data.downloads.wanted import chosen_images, shard_of
from objectcrop.study.settings.datasets import OpenImagesDataset
from objectcrop.study.settings.downloads import Download, Transfer
from tests.data.downloads.conftest import names

LAYOUT = {
    "source": "openimages",
    "boxes": {"train": "t.csv", "validation": "v.csv"},
    "class_descriptions": "c.csv",
    "images": {"train": "t", "validation": "v"},
}
DATASET = OpenImagesDataset.model_validate(LAYOUT)
ROOT = Path("data")


def boxes(**ids: str) -> pd.DataFrame:
    """Two boxes of each image; an id is a letter."""
    rows = [(letter, split) for split, letters in ids.items() for letter in letters * 2]
    return pd.DataFrame(rows, columns=["image_id", "split"])


def chosen(annotations: pd.DataFrame, **download: object) -> list[str]:
    images = chosen_images(annotations, DATASET, Download.model_validate(download))
    return [f"{split} {image_id}" for image_id, split in images[["image_id", "split"]].itertuples(index=False)]


def test_images_with_boxes_are_wanted_once_where_there_is_a_folder_for_them():
    assert chosen(boxes(train="ba", validation="c", test="d")) == ["train a", "train b", "validation c"]


def test_a_limit_takes_the_first_by_id():
    assert chosen(boxes(train="dbca", validation="fe"), max_images={"train": 2}) == [
        "train a",
        "train b",
        "validation e",
        "validation f",
    ]


def test_a_random_limit_depends_on_the_seed_and_not_on_the_order_of_rows():
    letters = "abcdefghijklmnopqrstuvwxyz"
    settings = {"max_images": {"train": 8}, "sampling": "random"}
    one = chosen(boxes(train=letters), **settings)
    assert one == chosen(boxes(train=letters[::-1]), **settings)
    assert one != chosen(boxes(train=letters), seed=1, **settings)
    assert one != [f"train {letter}" for letter in letters[:8]]
    assert len(set(one)) == 8


def test_boxes_of_no_wanted_split_are_an_error():
    with pytest.raises(ValueError, match="no image of the splits"):
        chosen(boxes(test="a"))


@given(
    st.sets(st.tuples(st.text("abc", min_size=1, max_size=4), st.sampled_from(["train", "validation"])), max_size=30),
    st.integers(1, 7),
)
def test_every_image_is_in_exactly_one_shard(rows, num_shards):
    images = pd.DataFrame(sorted(rows), columns=["image_id", "split"])
    download = Download(num_shards=num_shards)
    shards = [shard_of(images, DATASET, download, ROOT, shard=shard, name="some") for shard in range(num_shards)]
    sharded = [(image_id, split) for shard in shards for split, ids in shard.image_ids.items() for image_id in ids]
    assert sorted(sharded) == sorted(rows)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert {shard.num_in_all for shard in shards} == {len(rows)}


def test_an_image_goes_to_the_folder_of_its_split_from_the_split_of_open_images():
    download = Download.model_validate({"upstream_splits": {"train": "test"}})
    wanted = shard_of(boxes(train="a"), DATASET, download, ROOT, shard=0, name="some")
    image = next(wanted.images("train"))
    assert (image.upstream, image.path) == ("test", Path("data/t/a.jpg"))


@pytest.mark.parametrize("image_id", ["../../etc/passwd", "a/b", ".hidden", "", "a b", "a\n"])
def test_an_id_that_is_no_file_name_is_rejected(image_id):
    images = pd.DataFrame({"image_id": [image_id], "split": "train"})
    with pytest.raises(ValueError, match=r"1 image id\(s\) cannot be file names"):
        shard_of(images, DATASET, Download(), ROOT, shard=0, name="some")


def test_a_shard_that_is_not_there_and_a_split_without_folder_are_rejected():
    with pytest.raises(ValueError, match=r"shard 2 of datasets\.some: there are 2"):
        shard_of(boxes(train="a"), DATASET, Download(num_shards=2), ROOT, shard=2, name="some")
    with pytest.raises(ValueError, match=r"images of the split\(s\) \['test'\] are wanted"):
        shard_of(boxes(test="a"), DATASET, Download(), ROOT, shard=0, name="some")


PATIENT = Transfer(first_wait_s=2, longest_wait_s=100, attempts=10)


@given(st.integers(1, 9), st.text(max_size=5))
def test_waits_double_within_a_half_and_end_at_the_longest(attempt, key):
    waited = wait_before(PATIENT, key, attempt, TransferError("reset"))
    doubled = 2 * 2 ** (attempt - 1)
    assert min(doubled / 2, 100) <= waited <= min(doubled * 1.5, 100)


def test_images_that_fail_at_once_do_not_come_back_at_once():
    assert len({wait_before(PATIENT, f"p{number}", 1, TransferError("reset")) for number in range(50)}) == 50


def test_what_a_server_asks_for_is_waited_unless_it_is_too_long():
    assert wait_before(PATIENT, "a", 1, TransferError("busy", wait_s=50)) == 50
    assert wait_before(PATIENT, "a", 1, TransferError("busy", wait_s=5000)) == 100


def test_what_is_final_or_was_tried_often_enough_is_given_up():
    assert wait_before(PATIENT, "a", 1, TransferError("gone", is_final=True)) is None
    assert wait_before(PATIENT, "a", 10, TransferError("reset")) is None


def test_places_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path):
    dead = tmp_path / ".fetching-0123"
    dead.mkdir()
    (dead / "half.jpg").write_bytes(b"half")
    (dead / "lock").write_bytes(b"")
    (tmp_path / "whole.jpg").write_bytes(b"whole")
    with staging(tmp_path, {"whole.jpg", "missing.jpg"}) as one:
        assert one.there == {"whole.jpg"}
        assert not dead.exists()
        with staging(tmp_path, set()) as two:
            assert one.folder.is_dir()
            assert two.folder != one.folder
    assert names(tmp_path) == ["whole.jpg"]


@pytest.mark.parametrize("held", [[], ["lock"], ["half.jpg", "lock"]])
def test_a_place_is_removed_whenever_its_process_was_killed(tmp_path, held):
    dead = tmp_path / ".fetching-0123"
    dead.mkdir()
    for name in held:
        (dead / name).write_bytes(b"")
    with staging(tmp_path, set()):
        assert not dead.exists()


def test_places_that_come_and_go_at_once_do_not_take_each_other_away(tmp_path):
    faults = []

    def come_and_go() -> None:
        for _ in range(25):
            with staging(tmp_path, set()) as place:
                (place.folder / "half.jpg").write_bytes(b"half")
                time.sleep(0.0005)
                if not (place.folder / "half.jpg").exists():
                    faults.append(place.folder)

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert names(tmp_path) == []


def test_a_lock_file_is_held_by_one_and_then_gone(tmp_path):
    path, order = tmp_path / ".lock", []

    def hold() -> None:
        with lock_file(path):
            order.append("in")
            time.sleep(0.01)
            order.append("out")

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["in", "out"] * 8
    assert names(tmp_path) == []


def error_of(**download: object) -> str:
    with pytest.raises(ValidationError) as caught:
        OpenImagesDataset.model_validate({**LAYOUT, "download": download})
    return str(caught.value)


def test_a_download_that_cannot_be_meant_is_rejected():
    assert "max_images: names ['test']" in error_of(max_images={"test": 3})
    assert "takes two splits from one" in error_of(upstream_splits={"train": "validation"})
    assert "must be at least 1" in error_of(max_images={"train": 0})
    assert "must start with http" in error_of(transfer={"metadata_base": "ftp://x/y"})
    assert "must start with http" in error_of(transfer={"images": {"base": "file:relative"}})
    assert "num_shards: must be 1 for tars" in error_of(
        num_shards=2, transfer={"images": {"kind": "tars", "folder": "t"}}
    )
