"""Images out of tars: only the wanted ones, each tar read once."""

import io
import tarfile

import pytest

from objectcrop.data.downloads import fetching, tars
from objectcrop.data.downloads.images import FetchReport, FetchRequest, fetch_wanted
from objectcrop.data.downloads.wanted import WantedImages
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.downloads import Transfer
from tests.data.downloads.conftest import jpeg, names

SOURCE = Transfer.model_validate({"images": {"kind": "tars", "folder": "tars"}})


def pack(path, contents: dict[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        folder = tarfile.TarInfo("images.jpg")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def packed(tmp_path):
    """Training images a0..a9 and b0..b9 in two tars, one of them not compressed; test images c0..c9."""
    for letter, name in (("a", "train_a.tar.gz"), ("b", "train_b.tar"), ("c", "test.tgz")):
        content = {f"{name.split('.')[0]}/{letter}{n}.jpg": jpeg(ord(letter) + n) for n in range(10)}
        pack(tmp_path / "tars" / name, content)
    pack(tmp_path / "tars/trainers.tar", {"a0.jpg": b"a trap: not a tar of train"})
    return tmp_path


def extract(root, ids: dict[str, list[str]]) -> FetchReport:
    folders = {split: root / split for split in ids}
    wanted = WantedImages(folders, {split: split for split in ids}, ids, sum(map(len, ids.values())))
    return fetch_wanted(FetchRequest("some", wanted, SOURCE, root, 1.0), StopRequest())


@pytest.fixture
def reads(monkeypatch):
    """Names of the tars that are read from front to back."""
    names = []
    stream = tars._stream
    monkeypatch.setattr(tars, "_stream", lambda tar: names.append(tar.name) or stream(tar))
    return names


def test_wanted_images_are_taken_out_and_no_others(packed):
    report = extract(packed, {"train": ["a3", "b7"], "test": ["c1"]})
    assert (report.num_fetched, report.failures) == (3, [])
    assert names(packed / "train") == ["a3.jpg", "b7.jpg"]
    assert (packed / "train/b7.jpg").read_bytes() == jpeg(ord("b") + 7)
    assert (packed / "test/c1.jpg").read_bytes() == jpeg(ord("c") + 1)


def test_a_tar_whose_index_is_known_is_opened_only_if_it_is_needed(packed, reads):
    extract(packed, {"train": ["a1", "none"]})
    assert reads == ["train_a.tar.gz", "train_b.tar"]
    reads.clear()
    assert extract(packed, {"train": ["b4", "b2"]}).num_fetched == 2
    assert reads == []  # members of a tar that is not compressed are read in place
    assert (packed / "train/b4.jpg").read_bytes() == jpeg(ord("b") + 4)
    assert extract(packed, {"train": ["a2"]}).num_fetched == 1
    assert reads == ["train_a.tar.gz"]


def test_a_tar_that_changed_is_read_again(packed, reads):
    extract(packed, {"train": ["none"]})
    before = (packed / "tars/train_b.tar").stat().st_size
    pack(packed / "tars/train_b.tar", {f"n{number}.jpg": jpeg(number) for number in range(9)} | {"none.jpg": jpeg(6)})
    assert (packed / "tars/train_b.tar").stat().st_size == before  # its time alone differs
    reads.clear()
    assert extract(packed, {"train": ["none"]}).num_fetched == 1
    assert reads == ["train_b.tar"]


def test_what_is_in_no_tar_is_listed(packed):
    (failure,) = extract(packed, {"train": ["c1"]}).failures
    assert (failure.image_id, failure.reason) == ("c1", "in none of 2 tars of train")


def test_a_tar_that_is_cut_off_is_named_and_the_others_still_serve(packed, reads):
    path = packed / "tars/train_a.tar.gz"
    pack(path, {f"a{number}.jpg": jpeg(number, size_px=300) for number in range(10)})
    path.write_bytes(path.read_bytes()[:-200])
    report = extract(packed, {"train": ["a0", "a9", "b0"]})
    assert names(packed / "train") == ["a0.jpg", "b0.jpg"]
    assert [failure.image_id for failure in report.failures] == ["a9"]
    assert "train_a.tar.gz is damaged" in report.failures[0].reason
    reads.clear()
    extract(packed, {"train": ["a9"]})
    assert reads == ["train_a.tar.gz"]  # half a tar has no index


def test_a_tar_of_which_only_the_end_is_missing_has_no_index(packed, reads):
    path = packed / "tars/train_a.tar.gz"
    pack(path, {f"a{number}.jpg": jpeg(number, size_px=300) for number in range(10)})
    path.write_bytes(path.read_bytes()[:-4])
    report = extract(packed, {"train": ["a9", "none"]})
    assert report.num_fetched == 1
    assert "train_a.tar.gz is damaged" in report.failures[0].reason
    assert list((packed / ".tar_index").glob("train_a*")) == []


def test_an_image_in_a_tar_that_is_none_is_listed(packed):
    pack(packed / "tars/train_c.tar", {"d.jpg": b"no image"})
    (failure,) = extract(packed, {"train": ["d"]}).failures
    assert failure.reason.startswith("not a JPEG")
    assert names(packed / "train") == []


def link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_names_and_links_in_a_tar_lead_nowhere_else(packed):
    secret = packed / "secret.txt"
    secret.write_bytes(jpeg(1))
    with tarfile.open(packed / "tars/train_c.tar", "w") as archive:
        for name in ("../up.jpg", f"{packed}/far/absolute.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(jpeg(2))
            archive.addfile(member, io.BytesIO(jpeg(2)))
        for name, kind in (
            ("soft.jpg", tarfile.SYMTYPE),
            ("hard.jpg", tarfile.LNKTYPE),
            ("pipe.jpg", tarfile.FIFOTYPE),
        ):
            archive.addfile(link(name, kind, str(secret)))
    before = {path for path in packed.rglob("*") if path.is_file()}
    report = extract(packed, {"train": ["up", "absolute", "soft", "hard", "pipe"]})
    assert sorted(failure.image_id for failure in report.failures) == ["hard", "pipe", "soft"]
    made = {path for path in packed.rglob("*") if path.is_file()} - before
    assert {path for path in made if ".tar_index" not in path.parts} == {
        packed / "train/up.jpg",
        packed / "train/absolute.jpg",
    }


@pytest.mark.parametrize("name", ["train_c.tar", "train_c.tar.gz"])
def test_a_member_larger_than_any_image_is_not_written_out(packed, monkeypatch, name):
    monkeypatch.setattr(fetching, "MAX_IMAGE_BYTES", 3_000_000)
    pack(packed / "tars" / name, {"bomb.jpg": bytes(5_000_000), "good.jpg": jpeg(3)})
    (failure,) = extract(packed, {"train": ["bomb", "good"]}).failures
    assert (failure.image_id, failure.reason) == ("bomb", "more than 3000000 bytes, which no image has")
    assert names(packed / "train") == ["good.jpg"]
    assert not [path for path in packed.rglob("bomb*") if path.is_file()]


def test_a_split_without_tars_is_an_error(packed):
    with pytest.raises(ValueError, match="holds no tar of validation images"):
        extract(packed, {"validation": ["a0"]})
