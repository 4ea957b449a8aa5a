"""mongod is started, locked, ended, and its absence explained."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pymongo
import pytest

from objectcrop.inspection.database import database
from objectcrop.inspection.mongod import MongodError, find_mongod, running

HOLD = """
import sys, time
from objectcrop.inspection.mongod import running
with running(sys.argv[1]) as uri:
    print(uri, flush=True)
    time.sleep(60)
"""


def servers(folder):
    """mongod processes that serve a folder."""
    processes = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "--dbpath" in words and words[words.index("--dbpath") + 1] == str(folder):
            processes.append(process)
    return processes


def gone_within(folder, seconds):
    deadline = time.monotonic() + seconds
    while servers(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not servers(folder)


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "db")]
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # killed, it leaves its folder
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout.readline().startswith("mongodb://")
        yield it
        it.kill()


@pytest.fixture
def plain_environment(monkeypatch):
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    return monkeypatch


def test_what_is_written_is_there_the_next_time_and_the_server_is_not(tmp_path):
    for expected in (0, 1):
        with running(tmp_path / "db") as uri, pymongo.MongoClient(uri) as client:
            assert client.some.things.count_documents({}) == expected
            client.some.things.insert_one({"a": 1})
        assert servers(tmp_path / "db") == []


def kill_a_server_in_use(folder):
    with running(folder) as uri, pymongo.MongoClient(uri, serverSelectionTimeoutMS=500) as client:
        client.some.things.insert_one({"a": 1})
        (server,) = servers(folder)
        server.kill()
        while True:
            client.some.things.insert_one({"a": 2})


def test_a_server_that_is_killed_is_named_with_what_to_do(tmp_path):
    words = (
        r"db: its mongod ended with -9 while it was in use \(killed; was memory short\?\); run the same command again"
    )
    with pytest.raises(MongodError, match=words):
        kill_a_server_in_use(tmp_path / "db")


def test_a_second_process_is_told_that_the_folder_is_in_use(tmp_path, holder):
    with pytest.raises(MongodError, match="is in use by another process"), running(tmp_path / "db"):
        pass
    assert holder.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_server_dies_with_its_owner_however_that_ends(tmp_path, holder, number):
    assert servers(tmp_path / "db")
    holder.send_signal(number)
    holder.wait(20)
    assert gone_within(tmp_path / "db", 20)


def test_only_this_user_can_reach_the_server(tmp_path):
    with running(tmp_path / "db") as uri:
        (server,) = servers(tmp_path / "db")
        assert [c for c in server.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN] == []
        socket = uri.removeprefix("mongodb://").replace("%2F", "/")
        assert os.stat(os.path.dirname(socket)).st_mode & 0o077 == 0


def test_servers_share_no_socket_so_that_two_can_start_at_once(tmp_path):
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        for uri, name in ((one, "one"), (two, "two")):
            (server,) = servers(tmp_path / name)
            own = os.path.dirname(uri.removeprefix("mongodb://").replace("%2F", "/"))
            sockets = [
                c.laddr for c in server.net_connections(kind="unix") if c.status != psutil.CONN_CLOSE and c.laddr
            ]
            assert sockets
            assert {os.path.dirname(path) for path in sockets} == {own}


def test_a_long_temporary_folder_does_not_make_the_socket_too_long(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with running(tmp_path / "db") as uri:
        assert str(long) not in uri.replace("%2F", "/")


def test_a_named_binary_wins_and_one_that_cannot_run_is_explained(tmp_path, plain_environment):
    plain_environment.setenv("OBJECTCROP_MONGOD", "/bin/false")
    assert str(find_mongod()) == "/bin/false"
    with pytest.raises(MongodError, match=r"(?s)it ended with 1.*OBJECTCROP_MONGOD"), running(tmp_path / "db"):
        pass
    plain_environment.setenv("OBJECTCROP_MONGOD", str(tmp_path / "none"))
    with pytest.raises(MongodError, match="No such file"), running(tmp_path / "db"):
        pass


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MongodError, match="cannot be used"), running(tmp_path / "file/db"):
        pass


def test_a_named_server_is_used_and_nothing_started(tmp_path, plain_environment):
    with running(tmp_path / "theirs") as uri:
        plain_environment.setenv("FIFTYONE_DATABASE_URI", uri)
        with database(tmp_path / "ours") as address:
            assert address == uri
            assert os.environ["FIFTYONE_DO_NOT_TRACK"] == "true"
        assert os.environ["FIFTYONE_DATABASE_URI"] == uri
    assert not (tmp_path / "ours").exists()


def test_a_named_server_that_does_not_answer_is_explained_without_its_password(tmp_path, plain_environment):
    plain_environment.setenv("FIFTYONE_DATABASE_URI", "mongodb://me:secret@127.0.0.1:9/")
    with pytest.raises(MongodError, match="does not answer") as caught, database(tmp_path / "db"):
        pass
    assert "secret" not in str(caught.value)
