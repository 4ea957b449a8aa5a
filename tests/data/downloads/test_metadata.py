"""Big files are resumed, checked, recorded, and never taken for another version."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from objectcrop.data.downloads.addresses import WantedFile
from objectcrop.data.downloads.metadata import fetch_metadata
from objectcrop.runtime.atomic import read_json, write_json
from tests import loopback
from tests.data.downloads.conftest import names, quick

CONTENT = bytes(range(256)) * 2000
OTHER = CONTENT[::-1]
RECORD = ".boxes.csv.download.json"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wanted(server, **published: object) -> WantedFile:
    values = {"num_bytes": None, "sha256": None} | published
    return WantedFile("train_boxes", "meta/boxes.csv", f"{server.address}/boxes.csv", **values)


@pytest.fixture
def get(server, tmp_path):
    server.contents["/boxes.csv"] = CONTENT

    def run(attempts: int = 3, **published: object):
        (record,) = fetch_metadata([wanted(server, **published)], tmp_path, quick(server.address, attempts=attempts))
        return record

    return run


@pytest.fixture
def file(tmp_path):
    return tmp_path / "meta/boxes.csv"


def test_a_file_is_fetched_once_and_recorded(get, server, file):
    record = get()
    assert file.read_bytes() == CONTENT
    assert (record.num_bytes, record.sha256, record.checked) == (len(CONTENT), digest(CONTENT), "recorded")
    assert record.address == f"{server.address}/boxes.csv"
    assert record.fetched_at.endswith("+00:00")
    assert get() == record
    assert server.requests["/boxes.csv"] == 1
    assert names(file.parent) == [RECORD, "boxes.csv"]


def test_two_jobs_that_want_one_file_fetch_it_once(get, server, file):
    def slowly(handler, content, number):
        time.sleep(0.1)
        loopback.whole(handler, content, number)

    server.behaviours["/boxes.csv"] = slowly
    with ThreadPoolExecutor(3) as pool:
        records = [job.result() for job in [pool.submit(get) for _ in range(3)]]
    assert records == [records[0]] * 3
    assert server.requests["/boxes.csv"] == 1
    assert names(file.parent) == [RECORD, "boxes.csv"]


def ranges(server) -> list[str | None]:
    return [headers.get("Range") for headers in server.headers_of["/boxes.csv"]]


def test_what_was_cut_off_is_continued_where_it_was(get, server, file):
    server.behaviours["/boxes.csv"] = loopback.ranged('"one"', cut_after=300_000)
    get()
    assert file.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=300000-"]


def interrupted(get, server, etag: str | None) -> None:
    """A first run that is cut off and fails."""
    server.behaviours["/boxes.csv"] = loopback.ranged(etag, cut_after=300_000)
    with pytest.raises(ValueError, match="cannot be fetched from"):
        get(attempts=1)


def test_the_next_run_continues_what_the_last_one_left(get, server, file):
    interrupted(get, server, '"one"')
    assert names(file.parent) == [".boxes.csv.part", ".boxes.csv.part.json"]
    get()
    assert file.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=300000-"]
    assert names(file.parent) == [RECORD, "boxes.csv"]


@pytest.mark.parametrize("obeys_if_range", [True, False])
def test_a_part_of_another_version_starts_again(get, server, file, obeys_if_range):
    interrupted(get, server, '"one"')
    server.contents["/boxes.csv"] = OTHER
    server.behaviours["/boxes.csv"] = loopback.ranged('"two"', obeys_if_range=obeys_if_range)
    get()
    assert file.read_bytes() == OTHER


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_mark_of_its_version_a_part_starts_again(get, server, file, etag):
    interrupted(get, server, etag)
    get()
    assert file.read_bytes() == CONTENT
    assert ranges(server) == [None, None]


def test_a_server_without_ranges_starts_again(get, server, file):
    interrupted(get, server, '"one"')
    server.behaviours["/boxes.csv"] = loopback.whole
    get()
    assert file.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_by_now_starts_again(get, server, file):
    interrupted(get, server, '"one"')
    server.contents["/boxes.csv"] = b"short"
    server.behaviours["/boxes.csv"] = loopback.ranged('"one"')
    get()
    assert file.read_bytes() == b"short"


def test_a_rest_that_makes_the_file_longer_than_it_was_starts_again(get, server, file):
    def rest_of_another(handler, content, number):
        if "Range" not in handler.headers:
            loopback.whole(handler, content, number)
            return
        span = f"bytes 300000-{len(content) - 1}/{len(content)}"
        handler.send_head(206, Content_Length=len(content) - 300_000, Content_Range=span)
        handler.send_body(content[300_000:])

    interrupted(get, server, '"one"')
    server.contents["/boxes.csv"] = OTHER + OTHER
    server.behaviours["/boxes.csv"] = rest_of_another
    get()
    assert file.read_bytes() == OTHER + OTHER


def test_a_length_that_is_too_short_is_not_believed_though_the_part_could_be_continued(get, server, file):
    def too_long(handler, content, number):
        handler.send_head(200, ETag='"one"', Content_Length=len(content) // 2)
        handler.wfile.write(content)
        handler.wfile.flush()
        handler.close_connection = True

    server.contents["/boxes.csv"] = CONTENT[:3000]
    server.behaviours["/boxes.csv"] = too_long
    with pytest.raises(ValueError, match="longer than the 1500 bytes that were announced"):
        get()
    assert not file.exists()


def test_a_whole_part_is_not_asked_for_again(get, server, file):
    """Killed after the last byte, before the file had its name."""
    file.parent.mkdir()
    (file.parent / ".boxes.csv.part").write_bytes(CONTENT)
    note = {"address": f"{server.address}/boxes.csv", "mark": '"one"', "num_bytes": len(CONTENT)}
    write_json(file.parent / ".boxes.csv.part.json", note)
    (file.parent / ".boxes.csv.part.77-abcd0123.json").write_text("{")  # a note that was being written
    get()
    assert server.requests["/boxes.csv"] == 0
    assert names(file.parent) == [RECORD, "boxes.csv"]


def test_tries_that_bring_something_do_not_count_against_the_limit(get, server, file):
    def in_tenths(handler, content, number):
        start = (number - 1) * len(content) // 10
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.send_head(206 if start else 200, ETag='"one"', Content_Length=len(content) - start, Content_Range=span)
        handler.wfile.write(content[start : start + len(content) // 10])
        loopback.hang_up(handler, content, number)

    server.behaviours["/boxes.csv"] = in_tenths
    get(attempts=2)
    assert file.read_bytes() == CONTENT
    assert server.requests["/boxes.csv"] == 10


@pytest.mark.parametrize(
    ("published", "problem"),
    [
        ({"num_bytes": 5}, f"has {len(CONTENT)} bytes, expected 5"),
        ({"sha256": digest(OTHER)}, f"has the SHA-256 {digest(CONTENT)}, expected {digest(OTHER)}"),
    ],
)
def test_a_file_that_is_not_what_is_published_is_rejected_and_removed(get, file, published, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        get(**published)
    assert str(file) in str(caught.value)
    assert names(file.parent) == []


def test_a_file_is_checked_against_what_is_known(get):
    assert get(num_bytes=len(CONTENT), sha256=digest(CONTENT)).checked == "known"


def test_a_file_that_changes_after_it_was_fetched_is_noticed_and_left(get, file):
    get()
    file.write_bytes(OTHER)
    with pytest.raises(ValueError, match=r"what was fetched on .* is left as it is"):
        get()
    assert file.read_bytes() == OTHER


def test_a_server_that_has_another_file_than_before_is_noticed(get, server, file):
    get()
    file.unlink()
    server.contents["/boxes.csv"] = OTHER
    with pytest.raises(ValueError, match=r"what was fetched on .* \(remove .*download.json if the new one is right\)"):
        get()
    (file.parent / RECORD).unlink()
    assert get().sha256 == digest(OTHER)


def test_a_file_of_the_user_is_taken_and_no_record_is_made(get, server, file):
    file.parent.mkdir()
    file.write_bytes(b"mine")
    record = get()
    assert (record.address, record.checked, record.num_bytes) == ("", "nothing", 4)
    assert server.requests["/boxes.csv"] == 0
    assert names(file.parent) == ["boxes.csv"]


def test_a_file_of_the_user_that_is_known_to_be_wrong_is_rejected_and_left(get, file):
    file.parent.mkdir()
    file.write_bytes(b"mine")
    with pytest.raises(ValueError, match="has 4 bytes, expected 5"):
        get(num_bytes=5)
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("behaviour", "reason", "num_requests"),
    [
        (loopback.status(404), "HTTP 404 Not Found; 1 tries", 1),
        (loopback.status(500), "HTTP 500 Internal Server Error; 3 tries", 3),
        (loopback.too_long, "longer than the", 3),
    ],
)
def test_a_file_that_cannot_be_had_is_named_with_the_reason(get, server, file, behaviour, reason, num_requests):
    server.behaviours["/boxes.csv"] = behaviour
    with pytest.raises(ValueError, match=reason) as caught:
        get()
    assert str(file) in str(caught.value)
    assert server.requests["/boxes.csv"] == num_requests
    assert not file.exists()


def test_a_mirror_may_be_a_folder(tmp_path):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/c.csv").write_bytes(CONTENT)
    address = (tmp_path / "mirror/c.csv").as_uri()
    fetch_metadata(
        [WantedFile("class_descriptions", "c.csv", address, None, None)], tmp_path, quick("http://127.0.0.1:1")
    )
    assert (tmp_path / "c.csv").read_bytes() == CONTENT
    assert read_json(tmp_path / ".c.csv.download.json")["sha256"] == digest(CONTENT)
