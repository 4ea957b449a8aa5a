"""A MongoDB server of our own: started for one folder on a unix socket, and ended with the block."""

import ctypes
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

_REPOSITORY = Path(__file__).resolve().parents[2]
_INSTALLED = Path(".setup/mongod/fiftyone/db/bin/mongod")
_PR_SET_PDEATHSIG = 1
_LONGEST_TEMPORARY_FOLDER = 68  # with /objectcrop-<8>/mongodb-27017.sock below it
_REASONS = {
    -4: "illegal instruction: MongoDB 5 and newer need a CPU with AVX",
    -9: "killed; was memory short?",
    14: "it cannot continue; often a folder of another MongoDB version, or on a network file system",
    62: "the folder was written by another MongoDB version",
    100: "it cannot use the folder: no room, no permission, or another mongod has it",
    127: "a shared library is missing",
}
_WAYS_OUT = """\
FiftyOne needs a MongoDB server (6.0 or newer), and none could be started here.
  reason: {reason}
  mongod: {mongod}
  log:    {log}
Ways on:
  1. install the one of the set-up (needs OpenSSL 3 and libcurl 4):  make setup
  2. name another binary:   export OBJECTCROP_MONGOD=/usr/bin/mongod
  3. name a running server: export FIFTYONE_DATABASE_URI=mongodb://USER:PASSWORD@HOST:27017/?authSource=admin
  4. leave FiftyOne out: set `inspection: null` in the config; contact sheets and report need no database"""


class MongodError(ValueError):
    """No database can be had; the message says why and what to do."""


def find_mongod() -> Path | None:
    """Return the binary: $OBJECTCROP_MONGOD, that of the set-up, fiftyone-db's own, or the one on PATH; or None."""
    if named := os.environ.get("OBJECTCROP_MONGOD"):
        return Path(named)
    # the set-up is in the checkout, or beside the virtual environment where another checkout uses it
    candidates = [_REPOSITORY / _INSTALLED, Path(sys.prefix).parent / _INSTALLED]
    package = importlib.util.find_spec("fiftyone")  # does not run the package, whose import takes seconds
    candidates += [Path(root) / "db/bin/mongod" for root in (package and package.submodule_search_locations) or []]
    executable = next((path for path in candidates if os.access(path, os.X_OK) and path.is_file()), None)
    on_path = shutil.which("mongod")
    return executable or (Path(on_path) if on_path else None)


@contextmanager
def running(folder: str | Path, *, start_timeout_s: float = 60.0) -> Iterator[str]:
    """Run mongod on a folder for the length of the block and yield its address.

    The folder is locked against a second process; the server listens on a unix socket that only this user can open, and
    dies with this process, however that ends. SIGTERM ends the block like an exception.

    Raises:
        MongodError: if there is no binary, it does not start, it ends in the block, or the folder is in use.
    """
    place = Path(folder).resolve()
    mongod = find_mongod()
    if mongod is None:
        raise _failure("no mongod binary was found", None, place)
    try:
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o700)
        lock = (place / "objectcrop.lock").open("w")
    except OSError as error:
        raise _failure(f"{place} cannot be used: {error.strerror}", mongod, place) from error
    # the path of a unix socket may hold 107 bytes only, so it is not in the folder, nor under a long TMPDIR
    short = "/tmp" if len(os.fsencode(tempfile.gettempdir())) > _LONGEST_TEMPORARY_FOLDER else None  # noqa: S108 (a new folder in it)
    with (
        lock,
        _terminated_by_exception(),
        tempfile.TemporaryDirectory(prefix="objectcrop-", dir=short) as socket_folder,
    ):
        _take(lock, place)
        socket = Path(socket_folder) / "mongod.sock"
        uri = "mongodb://" + quote(str(socket), safe="")
        server = _start(mongod, place, socket)
        try:
            _wait_until_it_answers(server, uri, mongod, place, start_timeout_s)
            with _lost_server_named(server, place):
                yield uri
        finally:
            _stop(server)


@contextmanager
def _lost_server_named(server: "subprocess.Popen[bytes]", place: Path) -> Iterator[None]:
    """Let errors of a connection say that the server is gone, if it is."""
    from pymongo.errors import ConnectionFailure

    try:
        yield
    except ConnectionFailure as error:
        try:
            code = server.wait(1)
        except subprocess.TimeoutExpired:
            raise error from None  # it lives
        reason = _REASONS.get(code, "see mongod.log there")
        raise MongodError(
            f"{place}: its mongod ended with {code} while it was in use ({reason}); run the same command again"
        ) from error


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Let SIGTERM run the clean-up that leaving a block does; elsewhere than in the main thread it stays as it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _take(lock: TextIO, place: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise MongodError(
            f"{place} is in use by another process: is the App open already? Close it (Ctrl-C), or name another folder"
        ) from error


def _start(mongod: Path, place: Path, socket: Path) -> "subprocess.Popen[bytes]":
    command = [str(mongod), "--dbpath", str(place), "--logpath", str(place / "mongod.log"), "--logappend"]
    command += ["--bind_ip", str(socket), "--filePermissions", "0600"]
    # by default mongod makes a second socket, in the system's temporary folder and named by its port: of two that start at
    # once one would end with 48
    command += ["--unixSocketPrefix", str(socket.parent)]
    command += ["--wiredTigerCacheSizeGB", "1"]  # by default half of the memory
    # by default 300 MB of journal for an empty database
    command += ["--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"]
    command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    prctl = ctypes.CDLL(None).prctl

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    try:
        # a session of its own: Ctrl-C reaches us, not the server that we still talk to
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    except OSError as error:
        raise _failure(f"it cannot be run: {error.strerror}", mongod, place) from error


def _wait_until_it_answers(
    server: "subprocess.Popen[bytes]", uri: str, mongod: Path, place: Path, timeout_s: float
) -> None:
    import pymongo

    deadline = time.monotonic() + timeout_s
    while True:
        code = server.poll()
        if code is not None:
            said = server.stderr.read().decode(errors="replace").strip()[-400:] if server.stderr else ""
            raise _failure(
                f"it ended with {code}: {said or _REASONS.get(code, 'see the log')}", mongod, place
            )  # fmt: skip
        try:
            with pymongo.MongoClient(uri, serverSelectionTimeoutMS=300) as client:
                client.admin.command("ping")
                return
        except pymongo.errors.PyMongoError as error:
            if time.monotonic() > deadline:
                raise _failure(f"no answer within {timeout_s:.0f} s", mongod, place) from error
            time.sleep(0.05)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server with a clean checkpoint."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    if server.stderr is not None:
        server.stderr.close()


def _failure(reason: str, mongod: Path | None, place: Path) -> MongodError:
    return MongodError(_WAYS_OUT.format(reason=reason, mongod=mongod or "none", log=place / "mongod.log"))
