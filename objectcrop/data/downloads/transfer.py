"""One file over HTTP or from a folder, in blocks, with the standard library alone: connections are kept, nothing is retried here.

Proxies are those of the environment (http_proxy, https_proxy, no_proxy).
"""

import base64
import http.client
import os
import socket
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

BLOCK_BYTES = 256 * 1024
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_WORTH_ANOTHER_TRY = (408, 425, 429)
_BROKEN = (OSError, http.client.HTTPException)
_SMALL_BYTES = 64 * 1024
_Key = tuple[str, str]


class TransferError(Exception):
    """Why one try failed.

    Attributes:
        is_final: another try would end alike.
        answered: a server answered at all.
        wait_s: how long the server asks us to wait before the next try; None if it does not say.
    """

    def __init__(
        self, reason: str, *, is_final: bool = False, answered: bool = True, wait_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.is_final, self.answered, self.wait_s = is_final, answered, wait_s


@dataclass
class Answer:
    """The beginning of an answer.

    Attributes:
        status: HTTP status, 200 or 206 (416 where a range was asked for); 200 for files.
        headers: by lower-case name.
        num_bytes: length of the body as announced; None if it was not.
        blocks: the body, once; raises TransferError if it is cut off, too slow, or not of the announced length.
    """

    status: int
    headers: Mapping[str, str]
    num_bytes: int | None
    blocks: Iterator[bytes]


class Client:
    """A client of one thread: a connection to each server, kept open from file to file."""

    def __init__(self, *, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._connections: dict[_Key, http.client.HTTPConnection] = {}
        self._interrupted = False

    @contextmanager
    def open(
        self, address: str, *, headers: Mapping[str, str] | None = None, deadline_s: float | None = None
    ) -> Iterator[Answer]:
        """Ask for `address`, following redirects; the body is read in the block, and the try must end in `deadline_s`.

        Raises:
            TransferError: for anything that is not the file.
        """
        end = None if deadline_s is None else time.monotonic() + deadline_s
        if urlsplit(address).scheme == "file":
            with _open_file(address) as answer:
                yield answer
            return
        for _ in range(MAX_REDIRECTS + 1):
            key, response = self._ask(urlsplit(address), headers or {})
            try:
                if response.status in _REDIRECTS:
                    address = _next_address(address, response)
                    _drain(response)
                    continue
                yield _checked(response, self._blocks(key, response, end), is_range=bool(headers))
                return
            finally:
                # a body that was not read to its end would be taken for the next answer
                if not response.isclosed() or response.will_close:
                    self._drop(key)
        raise TransferError(f"more than {MAX_REDIRECTS} redirects, the last to {address}", is_final=True)

    def close(self) -> None:
        """Close all connections."""
        for key in list(self._connections):
            self._drop(key)

    def interrupt(self) -> None:
        """Let what waits for a server fail at once, and what follows, too; for other threads than the client's own."""
        self._interrupted = True
        for connection in list(self._connections.values()):
            if (sock := connection.sock) is not None:
                with suppress(OSError):  # the server was faster
                    sock.shutdown(socket.SHUT_RDWR)

    def _blocks(self, key: _Key, response: http.client.HTTPResponse, end: float | None) -> Iterator[bytes]:
        announced, got = response.length, 0
        while block := _read_block(response, got):
            got += len(block)
            if end is not None and time.monotonic() > end:
                raise TransferError(f"too slow: {got} bytes when the time for one try was over")
            yield block
        if announced is not None and got != announced:
            raise TransferError(f"cut off after {got} of {announced} bytes")
        if announced is not None and not response.isclosed():
            if self._has_more(key, response):
                raise TransferError(f"longer than the {announced} bytes that were announced")
            response.close()  # read to its end: the connection can serve the next file

    def _has_more(self, key: _Key, response: http.client.HTTPResponse) -> bool:
        """Whether bytes beyond the announced end have come already: then the announced length is wrong."""
        connection = self._connections.get(key)
        if connection is None or (sock := connection.sock) is None:
            return False
        sock.setblocking(False)
        try:
            return bool(response.fp.peek(1))
        except OSError:  # TLS says so that there is nothing to read yet
            return False
        finally:
            sock.settimeout(self.timeout_s)

    def _ask(self, url: SplitResult, headers: Mapping[str, str]) -> tuple[_Key, http.client.HTTPResponse]:
        if url.scheme not in ("http", "https"):
            raise TransferError(f"redirected to {url.scheme!r}, which is neither http nor https", is_final=True)
        key = (url.scheme, url.netloc)
        for is_kept in (key in self._connections, False):
            try:
                return key, self._ask_once(key, url, headers)
            except _BROKEN as error:
                self._drop(key)
                # a server may close a connection that it kept open: that says nothing of this file
                if not is_kept or isinstance(error, TimeoutError):
                    raise TransferError(_say(error), answered=False) from error
        raise AssertionError("the loop returns or raises")

    def _ask_once(self, key: _Key, url: SplitResult, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        if self._interrupted:
            raise ConnectionAbortedError("stopped")
        proxy = _proxy(url)
        if key not in self._connections:
            self._connections[key] = _connect(url, proxy, self.timeout_s)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        common = {"Accept-Encoding": "identity", "User-Agent": "objectcrop"}
        if proxy is not None and url.scheme == "http":
            target = url._replace(fragment="").geturl()
            common |= _proxy_headers(proxy)
        connection = self._connections[key]
        connection.request("GET", target, headers=common | dict(headers))
        return connection.getresponse()

    def _drop(self, key: _Key) -> None:
        if (connection := self._connections.pop(key, None)) is not None:
            connection.close()


def _connect(url: SplitResult, proxy: SplitResult | None, timeout_s: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    if proxy is None:
        return kind(url.netloc.rpartition("@")[2], timeout=timeout_s)
    connection = kind(proxy.netloc.rpartition("@")[2], timeout=timeout_s)
    if url.scheme == "https":
        connection.set_tunnel(url.hostname or "", url.port, headers=_proxy_headers(proxy))
    return connection


def _proxy(url: SplitResult) -> SplitResult | None:
    found = urllib.request.getproxies().get(url.scheme)
    if found is None or urllib.request.proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    name = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(name.encode()).decode()}"}


def _next_address(address: str, response: http.client.HTTPResponse) -> str:
    location = response.getheader("Location")
    if not location:
        raise TransferError(f"HTTP {response.status} redirects, but does not say where", is_final=True)
    try:
        urlsplit(found := urljoin(address, location))
    except ValueError as error:
        raise TransferError(f"redirected to {location!r}, which is no address", is_final=True) from error
    return found


def _checked(response: http.client.HTTPResponse, blocks: Iterator[bytes], *, is_range: bool) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    status = response.status
    if status not in ((200, 206, 416) if is_range else (200,)):
        _drain(response)
        said = f"HTTP {status} {response.reason}".strip()
        is_final = status < 500 and status not in _WORTH_ANOTHER_TRY
        raise TransferError(said, is_final=is_final, wait_s=_asked_wait_s(headers.get("retry-after")))
    if (encoding := headers.get("content-encoding", "identity")) != "identity":
        raise TransferError(f"the body is encoded ({encoding}), which was not asked for", is_final=True)
    return Answer(status, headers, response.length, blocks)


def _asked_wait_s(value: str | None) -> float | None:
    """Retry-After in seconds; it is a number of seconds or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    with suppress(ValueError):  # neither: as if the header were not there
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _read_block(response: http.client.HTTPResponse, got: int) -> bytes:
    try:
        return response.read1(BLOCK_BYTES)
    except _BROKEN as error:
        raise TransferError(f"cut off after {got} bytes ({_say(error)})") from error


def _drain(response: http.client.HTTPResponse) -> None:
    """Read the rest of a small body that nobody wants, so that the connection can be used again."""
    if response.length is not None and response.length <= _SMALL_BYTES:
        with suppress(*_BROKEN):  # then the connection is dropped
            response.read()


@contextmanager
def _open_file(address: str) -> Iterator[Answer]:
    path = Path(urllib.request.url2pathname(urlsplit(address).path))
    try:
        file = path.open("rb")
    except OSError as error:
        raise TransferError(f"{path}: {error.strerror}", is_final=True) from error
    with file:
        yield Answer(200, {}, os.fstat(file.fileno()).st_size, _file_blocks(file))


def _file_blocks(file: BinaryIO) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK_BYTES):
            yield block
    except OSError as error:
        raise TransferError(f"cannot be read ({error.strerror})") from error


def _say(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
