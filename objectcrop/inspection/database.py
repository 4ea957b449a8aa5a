"""The database that FiftyOne talks to: ours alone, or a server that the user names.

FiftyOne's own service attaches to any running database of the same user, whatever its folder, so two projects would share
one; it also listens on a TCP port that every user of the machine can reach. So we run mongod ourselves and name it to
FiftyOne by FIFTYONE_DATABASE_URI, which must be set before fiftyone is imported.
"""

import atexit
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from objectcrop.inspection.mongod import MongodError, running

DATABASE_NAME = "objectcrop"
"""One name for build and App: under another name the App would find no data sets."""

OLDEST_SERVER = 6
"""Major version of MongoDB that this FiftyOne needs at least."""


@contextmanager
def database(folder: str | Path, *, name: str = DATABASE_NAME) -> Iterator[str]:
    """Set FiftyOne's environment to a database for the length of the block, and yield the server's address.

    A FIFTYONE_DATABASE_URI that is already set wins; else mongod runs on the folder. Import fiftyone inside the block
    only, and open one block a process.

    Raises:
        MongodError: if no server can be had.
    """
    if named := os.environ.get("FIFTYONE_DATABASE_URI"):
        _check_server(named)
        with _fiftyone_environment(named, name, Path(folder)):
            yield named
        return
    with running(folder) as uri, _fiftyone_environment(uri, name, Path(folder)):
        yield uri


@contextmanager
def throwaway_database() -> Iterator[str]:
    """A database of its own that leaves nothing behind: jobs run side by side, and beside an open App."""
    with tempfile.TemporaryDirectory(prefix="objectcrop-fiftyone-") as folder:
        name = Path(folder).name  # unique: on a named server, other jobs may be at work too
        is_named = "FIFTYONE_DATABASE_URI" in os.environ
        with database(folder, name=name) as uri:
            try:
                yield uri
            finally:
                if is_named:
                    _drop(uri, name)


@contextmanager
def _fiftyone_environment(uri: str, name: str, folder: Path) -> Iterator[None]:
    values = {
        "FIFTYONE_DATABASE_URI": uri,
        "FIFTYONE_DATABASE_NAME": name,
        "FIFTYONE_DATABASE_VALIDATION": "false",  # its notice that MongoDB 6 is the oldest supported
        "FIFTYONE_DO_NOT_TRACK": "true",
        "FIFTYONE_PLUGINS_DIR": str(folder.resolve() / "plugins"),  # not the home folder
    }
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        _release_fiftyone()
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _release_fiftyone() -> None:
    """Let fiftyone tidy up and disconnect while its database still answers: at exit it would wait 30 s for one gone."""
    module = sys.modules.get("fiftyone.core.odm.database")
    if module is not None and module._client is not None:
        tidy_up = module._delete_non_persistent_datasets_if_allowed
        atexit.unregister(tidy_up)
        tidy_up()
        module._disconnect()


def _check_server(uri: str) -> None:
    """Check that a named server answers; fiftyone itself waits 30 s and then fails with a traceback."""
    import pymongo

    redacted = re.sub(r"//[^@/]*@", "//***@", uri)
    try:
        with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
            version = client.server_info()["version"]
    except pymongo.errors.PyMongoError as error:
        raise MongodError(
            f"FIFTYONE_DATABASE_URI={redacted} does not answer: {str(error).split(',')[0]}\n"
            "Start that server, correct the address, or unset the variable to use a server of our own"
        ) from error
    if int(version.split(".")[0]) < OLDEST_SERVER:
        raise MongodError(
            f"FIFTYONE_DATABASE_URI={redacted} is MongoDB {version}; FiftyOne needs {OLDEST_SERVER}.0 or newer"
        )


def _drop(uri: str, name: str) -> None:
    import pymongo

    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
        client.drop_database(name)
