"""A web server on this machine that misbehaves as told, and remembers what it was asked."""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["Handler", bytes, int], None]
"""How a path is answered: handler, its content, and which request of it this is (from 1)."""


class Handler(BaseHTTPRequestHandler):
    """Answers by the behaviours of its server."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests[self.path] += 1
            number = self.server.requests[self.path]
            self.server.headers_of.setdefault(self.path, []).append(dict(self.headers))
        behaviour = self.server.behaviours.get(self.path, whole)
        content = self.server.contents.get(self.path)
        if content is None and behaviour is whole:
            self.send_error(404)
            return
        behaviour(self, content or b"", number)

    def send_head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send_body(self, body: bytes) -> None:
        self.wfile.write(body)
        with self.server.lock:
            self.server.completed[self.path] += 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """What it holds and how it answers may be changed while it runs.

    Attributes:
        contents: bytes by path.
        behaviours: by path; `whole` by default.
        requests: number of requests by path.
        completed: number of bodies sent to their end, by path.
        headers_of: headers of each request, by path.
    """

    daemon_threads = True
    # a client that goes away in the middle is what these tests are about
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents: dict[str, bytes] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: Counter[str] = Counter()
        self.completed: Counter[str] = Counter()
        self.headers_of: dict[str, list[dict[str, str]]] = {}
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def running() -> Iterator[Server]:
    """A server for the length of the block."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def refused_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def whole(handler: Handler, content: bytes, number: int) -> None:
    handler.send_head(200, Content_Length=len(content))
    handler.send_body(content)


def status(code: int, **headers: object) -> Behaviour:
    """Always this status."""

    def behave(handler: Handler, content: bytes, number: int) -> None:
        handler.send_head(code, Content_Length=4, **headers)
        handler.wfile.write(b"oops")

    return behave


def at_first(failing: Behaviour, times: int = 1) -> Behaviour:
    """The first `times` as `failing`, then whole."""

    def behave(handler: Handler, content: bytes, number: int) -> None:
        (failing if number <= times else whole)(handler, content, number)

    return behave


def truncated(handler: Handler, content: bytes, number: int) -> None:
    handler.send_head(200, Content_Length=len(content))
    handler.wfile.write(content[: len(content) // 2])
    hang_up(handler, content, number)


def too_long(handler: Handler, content: bytes, number: int) -> None:
    handler.send_head(200, Content_Length=len(content) // 2)
    handler.wfile.write(content)
    handler.wfile.flush()
    time.sleep(0.05)
    handler.close_connection = True


def chunked(handler: Handler, content: bytes, number: int) -> None:
    handler.send_head(200, Transfer_Encoding="chunked")
    for start in range(0, len(content), 1000):
        block = content[start : start + 1000]
        handler.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
    handler.send_body(b"0\r\n\r\n")


def chunked_and_truncated(handler: Handler, content: bytes, number: int) -> None:
    handler.send_head(200, Transfer_Encoding="chunked")
    handler.wfile.write(f"{len(content):x}\r\n".encode() + content[: len(content) // 2])
    hang_up(handler, content, number)


def without_length(handler: Handler, content: bytes, number: int) -> None:
    handler.send_head(200, Connection="close")
    handler.send_body(content)
    handler.close_connection = True


def hang_up(handler: Handler, content: bytes, number: int) -> None:
    handler.wfile.flush()
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def silent(seconds: float) -> Behaviour:
    """Nothing for so long, then hang up."""

    def behave(handler: Handler, content: bytes, number: int) -> None:
        time.sleep(seconds)
        hang_up(handler, content, number)

    return behave


def dripping(pause_s: float) -> Behaviour:
    """A byte at a time."""

    def behave(handler: Handler, content: bytes, number: int) -> None:
        handler.send_head(200, Content_Length=len(content))
        for byte in content:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(pause_s)

    return behave


def redirect(location: str) -> Behaviour:
    return status(302, Location=location)


def ranged(etag: str | None, *, cut_after: int | None = None, obeys_if_range: bool = True) -> Behaviour:
    """A server with ranges; its first answer is cut off after so many bytes."""

    def behave(handler: Handler, content: bytes, number: int) -> None:
        extra = {} if etag is None else {"ETag": etag}
        wanted = handler.headers.get("Range")
        same = handler.headers.get("If-Range") == etag or not obeys_if_range
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and same else 0
        if start >= len(content):
            handler.send_head(416, Content_Length=0, Content_Range=f"bytes */{len(content)}")
        elif start:
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.send_head(206, Content_Length=len(content) - start, Content_Range=span, **extra)
            handler.send_body(content[start:])
        else:
            handler.send_head(200, Content_Length=len(content), **extra)
            if number == 1 and cut_after is not None:
                handler.wfile.write(content[:cut_after])
                hang_up(handler, content, number)
            else:
                handler.send_body(content)

    return behave
