"""The App, served behind the guard by this process until it is interrupted."""

import asyncio
import os
import secrets
import signal
import socket
from typing import Any
from urllib.parse import quote, urlencode

from objectcrop.inspection.guard import Guard

ADDRESS = "127.0.0.1"
"""Loopback only; from elsewhere the App is reached through an ssh tunnel."""


def require_free_port(port: int) -> None:
    """Fail early and clearly.

    Raises:
        ValueError: if something listens on the port already.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise ValueError(
                f"port {port} of {ADDRESS} cannot be used ({error.strerror}): is an App open already? "
                "Choose another with --port"
            ) from error


def serve(dataset_name: str, *, port: int, token: str | None = None) -> None:
    """Serve the App until SIGINT or SIGTERM, then return.

    The App can open every data set of the database; the images of those that `load_export` imported are served.

    Args:
        dataset_name: data set of the printed address.
        port: on the loopback address.
        token: secret of the address; a random one by default.
    """
    os.environ["FIFTYONE_SERVER"] = "1"
    import fiftyone as fo
    from fiftyone.server.app import app
    from fiftyone.server.events import set_port
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config

    secret = token or secrets.token_urlsafe(16)
    infos = [fo.load_dataset(name).info for name in fo.list_datasets()]
    folders = {folder for info in infos for folder in info.get("media_folders", ())}
    hosts = [f"{name}:{port}" for name in (ADDRESS, "localhost")]
    guard = Guard(app, token=secret, hosts=hosts, media_folders=folders, cookie=f"objectcrop_{port}")
    config = Config()
    config.bind = [f"{ADDRESS}:{port}"]
    config.accesslog = None
    config.graceful_timeout = 1
    set_port(port)
    address = f"http://{ADDRESS}:{port}/datasets/{quote(dataset_name)}?{urlencode({'token': secret})}"

    async def run() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            # Python 3.11 reports every connection that is cut when the server ends as an error
            if not (stop.is_set() and isinstance(context.get("exception"), asyncio.CancelledError)):
                loop.default_exception_handler(context)

        loop.set_exception_handler(report)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        print(f"\n  {address}\n\n  Ctrl-C ends it.", flush=True)
        await serve_asgi(guard, config, shutdown_trigger=stop.wait)

    asyncio.run(run())
