"""One file over HTTP (urllib3) or from a folder, in blocks: connections are kept, nothing is retried here.

Proxies are those of the environment (http_proxy, https_proxy, no_proxy).
"""

import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Retry
from urllib3 import exceptions as faults

BLOCK_BYTES = 256 * 1024
MAX_REDIRECTS = 5
_WORTH_ANOTHER_TRY = (408, 425, 429)
_SMALL_BYTES = 64 * 1024
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "objectcrop"}
# what to try again, and when, depends on more than one answer: `patience` decides
_ONE_TRY = Retry(total=None, connect=0, read=0, status=0, other=0, redirect=MAX_REDIRECTS)


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
        headers: by name, in any case.
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
        self._managers: dict[str | None, PoolManager] = {}
        self._response: BaseHTTPResponse | None = None
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
        self._response = response = self._ask(address, headers or {})
        try:
            yield _checked(response, self._blocks(response, end), is_range=bool(headers))
        finally:
            # a body that was not read to its end would be taken for the next answer
            response.close()
            self._response = None

    def close(self) -> None:
        """Close all connections."""
        for manager in self._managers.values():
            manager.clear()

    def interrupt(self) -> None:
        """Let a body that is being read fail at once, and what follows, too; for other threads than the client's own."""
        self._interrupted = True
        if (response := self._response) is not None:
            with suppress(OSError, ValueError, RuntimeError):  # it has just ended
                response.shutdown()

    def _ask(self, address: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        try:
            if self._interrupted:
                raise ConnectionAbortedError("stopped")
            manager = self._manager(address)
            return manager.request("GET", address, headers=_HEADERS | dict(headers), preload_content=False)
        except faults.URLSchemeUnknown as error:
            raise TransferError(
                f"redirected to {error.scheme!r}, which is neither http nor https", is_final=True
            ) from error
        except ValueError as error:
            raise TransferError(f"leads to what is no address ({error})", is_final=True) from error
        except (faults.HTTPError, OSError) as error:
            if isinstance(error, faults.MaxRetryError) and isinstance(error.reason, faults.ResponseError):
                last = f"more than {MAX_REDIRECTS} redirects, the last from {error.url}"
                raise TransferError(last, is_final=True) from error
            raise TransferError(_say(error), answered=False) from error

    def _manager(self, address: str) -> PoolManager:
        proxy = _proxy(address)
        if proxy not in self._managers:
            settings: dict[str, Any] = {"timeout": self.timeout_s, "retries": _ONE_TRY}
            self._managers[proxy] = _through(proxy, settings) if proxy else PoolManager(**settings)
        return self._managers[proxy]

    def _blocks(self, response: BaseHTTPResponse, end: float | None) -> Iterator[bytes]:
        announced, got = response.length_remaining, 0
        while block := _read_block(response, got, announced):
            got += len(block)
            if self._interrupted:
                raise TransferError("stopped")
            if end is not None and time.monotonic() > end:
                raise TransferError(f"too slow: {got} bytes when the time for one try was over")
            yield block


def _proxy(address: str) -> str | None:
    url = urlsplit(address)
    proxy = urllib.request.getproxies().get(url.scheme)
    if not proxy or urllib.request.proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _through(proxy: str, settings: dict[str, Any]) -> ProxyManager:
    who = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(who)) if who else None
    return ProxyManager(proxy, proxy_headers=headers, **settings)


def _checked(response: BaseHTTPResponse, blocks: Iterator[bytes], *, is_range: bool) -> Answer:
    status = response.status
    if status not in ((200, 206, 416) if is_range else (200,)):
        wait_s = None
        with suppress(faults.InvalidHeader):  # as if the header were not there
            wait_s = _ONE_TRY.get_retry_after(response)
        if (response.length_remaining or 0) <= _SMALL_BYTES:
            response.drain_conn()  # the connection can be used again
        is_final = status < 500 and status not in _WORTH_ANOTHER_TRY
        raise TransferError(f"HTTP {status} {response.reason}".strip(), is_final=is_final, wait_s=wait_s)
    if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
        raise TransferError(f"the body is encoded ({encoding}), which was not asked for", is_final=True)
    return Answer(status, response.headers, response.length_remaining, blocks)


def _read_block(response: BaseHTTPResponse, got: int, announced: int | None) -> bytes:
    left = response.length_remaining
    # the last byte comes alone: behind it urllib3 gives the connection back, and what else was sent is lost
    num_bytes = BLOCK_BYTES if left is None else min(BLOCK_BYTES, max(left - 1, 1))
    try:
        if left == 1 and _num_waiting(response) > 1:
            raise TransferError(f"longer than the {announced} bytes that were announced")
        return response.read1(num_bytes, decode_content=False)
    except (faults.HTTPError, OSError) as error:
        whole = "" if announced is None else f" of {announced}"
        raise TransferError(f"cut off after {got}{whole} bytes ({_say(error)})") from error


def _num_waiting(response: BaseHTTPResponse) -> int:
    """Return the bytes that have come and were not read; waits for the first."""
    return len(response._original_response.fp.peek())  # type: ignore[attr-defined]  # urllib3 shows no other way


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


def _say(error: BaseException) -> str:
    """Return what went wrong at the bottom, without the connection pools around it."""
    while inner := error.__cause__ or next((part for part in error.args if isinstance(part, BaseException)), None):
        error = inner
    if isinstance(error, (TimeoutError, faults.TimeoutError)):
        return "no answer in time"
    return str(error) or type(error).__name__
