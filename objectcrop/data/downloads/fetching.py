"""Many small files at once: threads, retries, and an early end when nothing can be reached."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from objectcrop.data.downloads.patience import wait_before
from objectcrop.data.downloads.transfer import Client, TransferError
from objectcrop.data.downloads.wanted import WantedImage
from objectcrop.runtime.disk import writing
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.downloads import Transfer

_POLL_S = 0.1
_GRACE_S = 5.0  # for threads that wait for a server when the job is stopped
_FIRST_TRIES = 3  # of each connection, before a source that never answered counts as unreachable
_TAIL_BYTES = 4096
MAX_IMAGE_BYTES = 256 << 20
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"


class UnreachableError(ValueError):
    """No server answers: the job ends instead of trying every file."""


@dataclass(frozen=True)
class Failure:
    """An image that was not fetched."""

    image_id: str
    address: str
    reason: str
    attempts: int


@dataclass
class FetchCounts:
    """What a job has done; threads change it under its lock.

    Attributes:
        num_fetched: images that are there now and were not before.
        num_bytes: their bytes.
        failures: the others.
        unanswered: tries since a server last answered.
        has_answered: a server has answered at all.
        last_reason: why the last try failed.
        fault: what went wrong here, not there; it ends the job.
    """

    num_fetched: int = 0
    num_bytes: int = 0
    failures: list[Failure] = field(default_factory=list)
    unanswered: int = 0
    has_answered: bool = False
    last_reason: str = ""
    fault: BaseException | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def num_done(self) -> int:
        """Images that nothing more is done about."""
        return self.num_fetched + len(self.failures)

    def note_fetched(self, num_bytes: int) -> None:
        """Count an image."""
        with self.lock:
            self.num_fetched += 1
            self.num_bytes += num_bytes
            self.has_answered, self.unanswered = True, 0

    def note_try(self, error: TransferError) -> None:
        """Count a try that failed."""
        with self.lock:
            self.last_reason = str(error)
            if error.answered:
                self.has_answered, self.unanswered = True, 0
            else:
                self.unanswered += 1

    def note_failure(self, failure: Failure) -> None:
        """List an image that could not be fetched."""
        with self.lock:
            self.failures.append(failure)


def image_address(base: str, image: WantedImage) -> str:
    """Return the address of an image at a source of single images."""
    return f"{base}/{image.upstream}/{quote(image.name)}"


def fetch_images(
    images: Iterable[WantedImage],
    *,
    address_of: Callable[[WantedImage], str],
    staging_folder_of: Callable[[WantedImage], Path],
    transfer: Transfer,
    stop: StopRequest,
    progress: Progress,
    max_failures: int,
) -> FetchCounts:
    """Fetch images with `transfer.connections` threads; they are taken from the iterable one by one.

    An image appears in its folder whole, in one step. One that cannot be fetched is listed; the job continues.

    Args:
        images: those that are not there.
        address_of: where each comes from.
        staging_folder_of: the folder that each is written to first, on the file system of its own.
        transfer: retries, waits, time limits.
        stop: asked for by a signal: threads end within a few seconds, and the counts are of what was done until then.
        progress: receives the number of images that are done.
        max_failures: more end the job before all have been tried.

    Raises:
        UnreachableError: if nothing answers.
        ValueError: if an image cannot be written.
    """
    pool = _Pool(iter(images), address_of, staging_folder_of, transfer)
    pool.start()
    num_reported = 0
    while pool.is_alive() and not stop:
        pool.wait(_POLL_S)
        counts = pool.counts
        rate = counts.num_bytes / 1e6 / max(time.monotonic() - pool.started, 1e-9)
        progress.advance((now := counts.num_done) - num_reported, MB_per_s=rate, failed=len(counts.failures))
        num_reported = now
        if counts.fault is not None or pool.is_hopeless() or len(counts.failures) > max_failures:
            break
    pool.stop()
    if isinstance(pool.counts.fault, OSError):
        raise ValueError(f"an image cannot be written: {pool.counts.fault}") from pool.counts.fault
    if pool.counts.fault is not None:
        raise pool.counts.fault
    counts = pool.counts
    if not stop and (pool.is_hopeless() or (counts.failures and not counts.has_answered)):
        raise UnreachableError(f"no answer in {counts.unanswered} tries, the last: {counts.last_reason}")
    return counts


class _Pool:
    """The threads of a job."""

    def __init__(
        self,
        images: Iterator[WantedImage],
        address_of: Callable[[WantedImage], str],
        staging_folder_of: Callable[[WantedImage], Path],
        transfer: Transfer,
    ) -> None:
        self.counts = FetchCounts()
        self.started = time.monotonic()
        self._images, self._next_lock = images, threading.Lock()
        self._address_of, self._staging_folder_of, self._transfer = address_of, staging_folder_of, transfer
        self._stopping = threading.Event()
        self._clients = [Client(timeout_s=transfer.timeout_s) for _ in range(transfer.connections)]
        # daemons: one that waits for a name server cannot be woken, and must not hold up the end of the process
        self._threads = [threading.Thread(target=self._work, args=(client,), daemon=True) for client in self._clients]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def wait(self, seconds: float) -> None:
        """Wait for the first living thread, at most so long."""
        for thread in self._threads:
            if thread.is_alive():
                thread.join(seconds)
                return

    def is_hopeless(self) -> bool:
        """Return whether no server has answered for so long that all the rest would fail, too."""
        tries = self._transfer.attempts if self.counts.has_answered else min(_FIRST_TRIES, self._transfer.attempts)
        return self.counts.unanswered >= tries * self._transfer.connections

    def stop(self) -> None:
        """End all threads: those that wait are woken, those that read are cut off."""
        self._stopping.set()
        if self.is_alive():
            for client in self._clients:
                client.interrupt()
        end = time.monotonic() + _GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self, client: Client) -> None:
        try:
            while not self._stopping.is_set() and (image := self._next()) is not None:
                self._fetch(client, image)
        except BaseException as fault:  # raised by the main thread, which must not wait for the others
            self.counts.fault = fault
        finally:
            client.close()

    def _next(self) -> WantedImage | None:
        with self._next_lock:
            return next(self._images, None)

    def _fetch(self, client: Client, image: WantedImage) -> None:
        address, attempt = self._address_of(image), 0
        while True:
            attempt += 1
            try:
                num_bytes = self._try(client, image, address)
            except TransferError as error:
                if self._stopping.is_set():
                    return
                self.counts.note_try(error)
                seconds = wait_before(self._transfer, image.image_id, attempt, error)
                if seconds is None:
                    self.counts.note_failure(Failure(image.image_id, address, str(error), attempt))
                    return
                if self._stopping.wait(seconds):
                    return
            else:
                self.counts.note_fetched(num_bytes)
                return

    def _try(self, client: Client, image: WantedImage, address: str) -> int:
        if image.path.exists():  # another job was faster
            return 0
        aside = self._staging_folder_of(image) / image.name
        with client.open(address, deadline_s=self._transfer.image_deadline_s) as answer:
            write_blocks(answer.blocks, aside)
        settle_image(aside, image.path)
        return image.path.stat().st_size


def write_blocks(blocks: Iterable[bytes], aside: Path) -> None:
    """Write what an image consists of.

    Raises:
        TransferError: if it is larger than any image: a body or the member of an archive can be without end.
    """
    num_bytes = 0
    with writing(aside), aside.open("wb") as file:
        for block in blocks:
            num_bytes += len(block)
            if num_bytes > MAX_IMAGE_BYTES:
                raise TransferError(f"more than {MAX_IMAGE_BYTES} bytes, which no image has", is_final=True)
            file.write(block)


def settle_image(aside: Path, target: Path) -> None:
    """Move an image to its place, if its first and last bytes are those of a whole JPEG; it is on disk before it has its name.

    Raises:
        TransferError: if it is no JPEG from beginning to end.
    """
    with aside.open("rb+") as file:
        start = file.read(len(_START))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        os.fsync(file.fileno())
    if start != _START:
        raise TransferError(f"not a JPEG: {size} bytes that begin with {start!r}")
    if _END not in tail:
        raise TransferError(f"a JPEG that is cut off: {size} bytes without an end mark")
    os.replace(aside, target)
