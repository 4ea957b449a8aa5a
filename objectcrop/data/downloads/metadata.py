"""Big single files: resumed where they were cut off, checked, and recorded.

Beside a file that is not whole yet are `.<name>.part` and `.<name>.part.json`: what it is the part of (address, length, and
the server's mark of its version). A part is only continued if the server still has that version; otherwise it starts again.
Beside a whole file is `.<name>.download.json`: what was fetched, so that a later change is noticed.
"""

import glob
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from objectcrop.data.downloads.addresses import WantedFile
from objectcrop.data.downloads.patience import wait_before
from objectcrop.data.downloads.staging import lock_file
from objectcrop.data.downloads.transfer import Answer, Client, TransferError
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.checksum import file_sha256
from objectcrop.runtime.disk import writing
from objectcrop.runtime.progress import Progress
from objectcrop.study.settings.downloads import Transfer


@dataclass(frozen=True)
class Record:
    """A file that is there, and was checked.

    Attributes:
        key: which file of Open Images.
        path: where it is, relative to the data root.
        address: where it came from; empty if it was there before anything was fetched.
        num_bytes: its size.
        sha256: of its content.
        fetched_at: when, in UTC (ISO 8601); empty if it was there before.
        checked: "known": against a published checksum; "recorded": it is what was fetched first; "nothing": it was there
            before, and no checksum is published.
    """

    key: str
    path: str
    address: str
    num_bytes: int
    sha256: str
    fetched_at: str
    checked: str


@dataclass
class _Part:
    """What a partial file is the part of; a mark is an ETag, or a Last-Modified, or empty."""

    address: str
    mark: str
    num_bytes: int | None


def fetch_metadata(files: Iterable[WantedFile], root: Path, transfer: Transfer) -> list[Record]:
    """Fetch the files that are not there, one after the other, and check all of them; an interrupt may come at any time.

    Raises:
        ValueError: naming the file, if it cannot be fetched or is not what it should be. A file just fetched is then removed;
            one that was there before is left.
    """
    client = Client(timeout_s=transfer.timeout_s)
    try:
        return [_FileFetch(file, root, transfer, client).run() for file in files]
    finally:
        client.close()


class _FileFetch:
    """The way of one file."""

    def __init__(self, file: WantedFile, root: Path, transfer: Transfer, client: Client) -> None:
        self.file, self.transfer, self.client = file, transfer, client
        self.target = root / file.path
        self.part = self.target.with_name(f".{self.target.name}.part")
        self.part_note = self.target.with_name(f".{self.target.name}.part.json")
        self.note = self.target.with_name(f".{self.target.name}.download.json")

    def run(self) -> Record:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        # of two jobs that want one file the second finds it
        with lock_file(self.target.with_name(f".{self.target.name}.lock")):
            if not self.target.exists():
                self._fetch()
            self._remove_leftovers()
            return self._check_what_is_there()

    def _remove_leftovers(self) -> None:
        """Remove what processes that were killed left beside the whole file."""
        notes = self.target.parent.glob(f".{glob.escape(self.target.name)}.*-*.json")  # being written when they died
        for left in (self.part, self.part_note, *notes):
            left.unlink(missing_ok=True)

    def _check_what_is_there(self) -> Record:
        num_bytes, sha256 = self.target.stat().st_size, file_sha256(self.target)
        if problem := self._difference(num_bytes, sha256):
            raise ValueError(
                f"{self.target}: {problem}; it was not fetched now and is left as it is: move it away to fetch it again"
            )
        note = read_json(self.note) if self.note.is_file() else {}
        address, fetched_at = note.get("address", ""), note.get("fetched_at", "")
        return Record(self.file.key, self.file.path, address, num_bytes, sha256, fetched_at, self._checked_by(note))

    def _checked_by(self, note: dict[str, Any]) -> str:
        if self.file.sha256 is not None:
            return "known"
        return "recorded" if note else "nothing"

    def _difference(self, num_bytes: int, sha256: str) -> str:
        """Return how a content differs from what is published or was fetched before; empty if it does not."""
        if self.file.num_bytes not in (None, num_bytes):
            return f"has {num_bytes} bytes, expected {self.file.num_bytes}"
        if self.file.sha256 not in (None, sha256):
            return f"has the SHA-256 {sha256}, expected {self.file.sha256}"
        if self.file.sha256 is None and self.note.is_file():
            before = read_json(self.note)
            if before["sha256"] != sha256:
                return (
                    f"has the SHA-256 {sha256}, what was fetched on {before['fetched_at']} had {before['sha256']} "
                    f"(remove {self.note} if the new one is right)"
                )
        return ""

    def _fetch(self) -> None:
        self._transfer_all()
        num_bytes, sha256 = self.part.stat().st_size, file_sha256(self.part)
        problem = self._difference(num_bytes, sha256)
        if problem:
            self.part.unlink()
            self.part_note.unlink()
            raise ValueError(f"{self.target}, from {self.file.address}: {problem}; it was removed")
        fetched_at = datetime.now(UTC).isoformat(timespec="seconds")
        note = {"address": self.file.address, "num_bytes": num_bytes, "sha256": sha256, "fetched_at": fetched_at}
        write_json(self.note, note)
        with self.part.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(self.part, self.target)

    def _transfer_all(self) -> None:
        """Try until the part is whole; only tries without a new byte count against the limit."""
        attempt = 0
        while True:
            before = self._num_bytes_there()
            try:
                self._transfer_once()
                return
            except TransferError as error:
                if self._is_whole():  # and yet an error: the announced length is wrong
                    self.part.unlink()
                attempt = 1 if self._num_bytes_there() > before else attempt + 1
                seconds = wait_before(self.transfer, self.file.path, attempt, error)
                if seconds is None:
                    raise ValueError(self._failure_message(error, attempt)) from error
                print(f"{self.target.name}: {error}; again in {seconds:.1f} s", flush=True)
                time.sleep(seconds)

    def _failure_message(self, error: TransferError, attempt: int) -> str:
        return (
            f"{self.target}: cannot be fetched from {self.file.address} ({error}; {attempt} tries without progress); check the "
            "network and the proxy (https_proxy), set download.transfer.metadata_base to a mirror, or put the file there; "
            "the same command resumes where this stopped"
        )

    def _transfer_once(self) -> None:
        if self._is_whole():
            return
        part, there = self._part(), self._num_bytes_there()
        headers = {} if part is None or there == 0 else {"Range": f"bytes={there}-", "If-Range": part.mark}
        with self.client.open(self.file.address, headers=headers) as answer:
            if part is not None and answer.status != 200 and not _continues(answer, part, there):
                self.part.unlink()
                raise TransferError("the server has another version by now, or no such range; starting again")
            self._write(answer, there if answer.status == 206 else 0)

    def _write(self, answer: Answer, start: int) -> None:
        total = None if answer.num_bytes is None else start + answer.num_bytes
        if start == 0:
            self.part.unlink(missing_ok=True)
            write_json(self.part_note, asdict(_Part(self.file.address, _mark(answer), total)))
        label = f"fetch {self.target.name}"
        done = start / 1e6
        with (
            writing(self.part),
            self.part.open("ab") as file,
            Progress(label, total=round((total or start) / 1e6), unit="MB", done=round(done)) as progress,
        ):
            for block in answer.blocks:
                file.write(block)
                done += len(block) / 1e6
                progress.advance(round(done) - progress.done)

    def _part(self) -> _Part | None:
        """Return what the partial file is part of; None if it cannot be continued."""
        if not (self.part.is_file() and self.part_note.is_file()):
            return None
        part = _Part(**read_json(self.part_note))
        return part if part.mark and part.address == self.file.address else None

    def _is_whole(self) -> bool:
        part = self._part()
        return part is not None and part.num_bytes is not None and self._num_bytes_there() == part.num_bytes

    def _num_bytes_there(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0


def _mark(answer: Answer) -> str:
    """Return what If-Range may name (RFC 9110, section 13.1.5): a strong ETag, or the time of the last change."""
    etag = answer.headers.get("etag", "")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("last-modified", "")


def _continues(answer: Answer, part: _Part, there: int) -> bool:
    """Return whether a 206 answer is the rest of a part of which `there` bytes are there, and of the same version."""
    unit, _, rest = answer.headers.get("content-range", "").partition(" ")
    starts_there = unit == "bytes" and rest.partition("-")[0] == str(there)
    is_as_long = part.num_bytes is None or answer.num_bytes is None or there + answer.num_bytes == part.num_bytes
    return answer.status == 206 and starts_there and is_as_long and _mark(answer) in ("", part.mark)
