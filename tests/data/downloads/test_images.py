"""Images from a server that misbehaves: every good one is there once, every bad one is listed with its reason."""

import threading
import time
from pathlib import Path

import pytest

from objectcrop.data.downloads import fetching
from objectcrop.data.downloads.fetching import UnreachableError
from objectcrop.data.downloads.images import FetchReport, FetchRequest, require_few_failures
from objectcrop.data.downloads.wanted import WantedImages
from objectcrop.runtime.signals import StopRequest
from tests import loopback
from tests.data.downloads.conftest import jpeg, names, quick

IDS = [f"p{number:02d}" for number in range(30)]
GOOD = {
    "p00": loopback.at_first(loopback.status(500)),
    "p01": loopback.at_first(loopback.status(503, Retry_After=0)),
    "p02": loopback.at_first(loopback.truncated),
    "p03": loopback.at_first(loopback.silent(0.8)),
    "p04": loopback.redirect("/elsewhere/p04.jpg"),
    "p05": loopback.chunked,
    "p06": loopback.at_first(loopback.hang_up, times=2),
    "p07": loopback.without_length,
    "p08": loopback.at_first(loopback.too_long),
    "p09": loopback.at_first(loopback.status(429)),
    "p10": loopback.at_first(loopback.chunked_and_truncated),
}
BAD = {
    "p20": (loopback.status(404), "HTTP 404 Not Found", 1),
    "p21": (loopback.status(403), "HTTP 403 Forbidden", 1),
    "p22": (loopback.status(410), "HTTP 410 Gone", 1),
    "p23": (loopback.status(500), "HTTP 500 Internal Server Error", 3),
    "p24": (loopback.truncated, "cut off after", 3),
    "p25": (loopback.silent(0.8), "no answer in time", 3),
    "p26": (loopback.redirect("/train/p26.jpg"), "more than 5 redirects", 1),
    "p27": (loopback.hang_up, "", 3),
    "p28": (loopback.too_long, "longer than the", 3),
    "p29": (loopback.redirect("gopher://127.0.0.1/p29.jpg"), "neither http nor https", 1),
    "p19": (loopback.redirect("http://[no-address/p19.jpg"), "leads to what is no address", 1),
}


@pytest.fixture
def misbehaving(stocked):
    stocked.contents["/elsewhere/p04.jpg"] = stocked.contents["/train/p04.jpg"]
    stocked.behaviours |= {f"/train/{name}.jpg": behaviour for name, behaviour in GOOD.items()}
    stocked.behaviours |= {f"/train/{name}.jpg": behaviour for name, (behaviour, _, _) in BAD.items()}
    return stocked


def test_every_good_image_is_there_once_and_every_bad_one_is_listed_with_its_reason(misbehaving, fetch, tmp_path):
    report = fetch(IDS, quick(misbehaving.address))
    folder = tmp_path / "data/images"
    good = [name for name in IDS if name not in BAD]
    assert names(folder) == [f"{name}.jpg" for name in good]
    for name in good:
        assert (folder / f"{name}.jpg").read_bytes() == misbehaving.contents[f"/train/{name}.jpg"], name
    assert (report.num_wanted, report.num_fetched, report.num_already_there) == (30, 19, 0)
    assert report.num_bytes == sum((folder / f"{name}.jpg").stat().st_size for name in good)
    assert {failure.image_id for failure in report.failures} == set(BAD)
    for failure in report.failures:
        _, reason, attempts = BAD[failure.image_id]
        assert reason in failure.reason, failure
        assert failure.attempts == attempts, failure
        assert failure.address == f"{misbehaving.address}/train/{failure.image_id}.jpg"
    untroubled = [name for name in good if name not in GOOD]
    assert {misbehaving.requests[f"/train/{name}.jpg"] for name in untroubled} == {1}


def test_what_is_there_is_not_asked_for_again(misbehaving, fetch):
    fetch(IDS, quick(misbehaving.address))
    before = misbehaving.requests.copy()
    report = fetch(IDS, quick(misbehaving.address, attempts=1))
    asked = {path for path, count in misbehaving.requests.items() if count > before[path]}
    assert asked == {f"/train/{name}.jpg" for name in BAD}
    assert (report.num_already_there, report.num_fetched) == (19, 0)


def test_an_image_is_fetched_though_another_with_its_beginning_is_there(stocked, fetch, tmp_path):
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/images/p0.jpg").write_bytes(b"another")
    assert fetch(["p00"], quick(stocked.address)).num_fetched == 1


def test_a_page_that_is_no_image_is_rejected(server, fetch, tmp_path):
    server.contents["/train/a.jpg"] = b"<html>log in, please</html>"
    server.contents["/train/b.jpg"] = b""
    report = fetch(["a", "b"], quick(server.address))
    assert [failure.reason.split(":")[0] for failure in report.failures] == ["not a JPEG", "not a JPEG"]
    assert names(tmp_path / "data/images") == []


def test_half_an_image_whose_length_nobody_announced_is_rejected(server, fetch, tmp_path):
    server.contents["/train/a.jpg"] = jpeg(0)[:-300]
    server.behaviours["/train/a.jpg"] = loopback.without_length
    (failure,) = fetch(["a"], quick(server.address)).failures
    assert "a JPEG that is cut off" in failure.reason
    assert names(tmp_path / "data/images") == []


def test_a_server_that_drips_is_given_up(server, fetch):
    server.contents["/train/a.jpg"] = jpeg(0)
    server.behaviours["/train/a.jpg"] = loopback.dripping(0.01)
    start = time.monotonic()
    (failure,) = fetch(["a"], quick(server.address, attempts=2, image_deadline_s=0.1)).failures
    assert "too slow" in failure.reason
    assert time.monotonic() - start < 2


def test_a_server_is_given_the_wait_that_it_asks_for(server, fetch):
    server.contents["/train/a.jpg"] = jpeg(0)
    server.behaviours["/train/a.jpg"] = loopback.at_first(loopback.status(503, Retry_After=1))
    start = time.monotonic()
    assert fetch(["a"], quick(server.address, longest_wait_s=0.5)).num_fetched == 1
    assert 0.5 <= time.monotonic() - start < 1.0  # the longest wait is ours


def test_connections_are_kept_from_image_to_image(stocked, fetch, monkeypatch):
    opened = []
    get_request = stocked.get_request
    monkeypatch.setattr(stocked, "get_request", lambda: opened.append(1) or get_request())
    fetch(IDS, quick(stocked.address))
    assert len(opened) <= 4


def test_a_source_that_nobody_answers_at_ends_the_job_with_one_sentence(fetch, tmp_path):
    ids = [f"p{number}" for number in range(10_000)]
    base = f"http://127.0.0.1:{loopback.refused_port()}"
    with pytest.raises(
        UnreachableError, match=r"some: http://127.0.0.1:\d+ cannot be reached: no answer in \d\d tries"
    ):
        fetch(ids, quick(base))
    assert names(tmp_path / "data/images") == []


def test_a_server_that_dies_in_the_middle_ends_the_job(stocked, fetch):
    ids = [*IDS, *(f"q{number}" for number in range(10_000))]
    for number in range(10_000):
        stocked.behaviours[f"/train/q{number}.jpg"] = loopback.hang_up
    with pytest.raises(UnreachableError, match="cannot be reached"):
        fetch(ids, quick(stocked.address))
    assert sum(stocked.requests.values()) < 400


def test_a_source_without_the_images_ends_the_job_after_some_hundred(server, fetch):
    ids = [f"p{number}" for number in range(5000)]
    report = fetch(ids, quick(server.address), share=0.01)
    assert 100 < len(report.failures) < 1000


def request(share: float) -> FetchRequest:
    wanted = WantedImages({"train": Path("x")}, {"train": "train"}, {"train": []}, 200)
    return FetchRequest("some", wanted, quick("http://127.0.0.1:1"), Path("x"), share)


def test_a_job_fails_only_if_its_failures_alone_are_too_many_of_all_images():
    failures = [fetching.Failure("a", "http://x/a.jpg", "HTTP 404 Not Found", 1)] * 2
    report = FetchReport(4, 0, 2, 10, 1.0, failures)
    require_few_failures(report, request(0.01))
    with pytest.raises(ValueError, match=r"2 images could not be fetched; of 200 .* \(http://x/a.jpg: HTTP 404"):
        require_few_failures(report, request(0.009))


def test_a_signal_ends_the_job_soon_and_leaves_nothing_half_written(stocked, fetch, tmp_path):
    for number in range(10, 30):
        stocked.behaviours[f"/train/p{number}.jpg"] = loopback.dripping(0.02)
    stop = StopRequest()
    timer = threading.Timer(0.4, lambda: setattr(stop, "signal", 15))
    timer.start()
    start = time.monotonic()
    report = fetch(IDS, quick(stocked.address, timeout_s=30), stop=stop)
    assert time.monotonic() - start < 3
    assert (report.num_fetched, report.failures) == (10, [])
    assert names(tmp_path / "data/images") == [f"p{number:02d}.jpg" for number in range(10)]


def test_two_jobs_fill_one_folder_at_once_without_taking_each_other_s_files(stocked, fetch, tmp_path):
    for path in stocked.contents:
        stocked.behaviours[path] = lambda handler, content, number: (
            time.sleep(0.01),
            loopback.whole(handler, content, number),
        )
    reports = []
    parts = [IDS[0::2], IDS[1::2], IDS]
    jobs = [
        threading.Thread(target=lambda ids=ids: reports.append(fetch(ids, quick(stocked.address)))) for ids in parts
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [report.failures for report in reports] == [[], [], []]
    assert names(tmp_path / "data/images") == [f"{name}.jpg" for name in IDS]


def test_a_full_disk_ends_the_job_and_says_so(stocked, fetch, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "settle_image", fail)
    with pytest.raises(ValueError, match=r"cannot be written: .* No space left on device"):
        fetch(IDS, quick(stocked.address))


def test_a_mirror_may_be_a_folder(tmp_path, fetch):
    mirror = tmp_path / "a mirror/train"
    mirror.mkdir(parents=True)
    (mirror / "a.jpg").write_bytes(jpeg(1))
    report = fetch(["a", "b"], quick(mirror.parent.as_uri()))
    assert (tmp_path / "data/images/a.jpg").read_bytes() == jpeg(1)
    assert [(failure.image_id, failure.attempts) for failure in report.failures] == [("b", 1)]
    assert "No such file" in report.failures[0].reason


def test_a_proxy_of_the_environment_is_used(stocked, fetch, monkeypatch):
    monkeypatch.setenv("http_proxy", stocked.address.replace("http://", "http://me:secret@"))
    stocked.contents["http://images.invalid/train/p00.jpg"] = jpeg(0)
    assert fetch(["p00"], quick("http://images.invalid")).num_fetched == 1
    (headers,) = stocked.headers_of["http://images.invalid/train/p00.jpg"]
    by_name = {name.lower(): value for name, value in headers.items()}
    assert by_name["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert by_name["host"] == "images.invalid"
