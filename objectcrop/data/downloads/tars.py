"""Images from tars on this machine: each is read front to back once, and its index is then stored.

CVDF packs its bucket as train_0.tar.gz .. train_f.tar.gz (by the first digit of the id), validation.tar.gz and test.tar.gz. A
compressed tar cannot be entered in the middle, so an index says whether it must be read at all, and how far; of one that is
not compressed single members are read.
"""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pandas as pd

from objectcrop.data.downloads.fetching import Failure, FetchCounts, settle_image, write_blocks
from objectcrop.data.downloads.transfer import BLOCK_BYTES, TransferError
from objectcrop.data.downloads.wanted import WantedImage
from objectcrop.runtime.atomic import replacing
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.datasets import Split
from objectcrop.tables import Schema, check

ENDINGS = (".tar", ".tar.gz", ".tgz")
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)
_INDEX = Schema("tar index", {"name": "str", "offset": "int64", "num_bytes": "int64"})


class TarSource:
    """The tars of a folder.

    Args:
        folder: of the tars.
        index_folder: where their indexes are kept.
        staging_folders: where images are written first, by the folder that they go to.
    """

    def __init__(self, folder: Path, index_folder: Path, staging_folders: dict[Path, Path]) -> None:
        self.folder, self.index_folder, self.staging_folders = folder, index_folder, staging_folders

    def extract(self, images: dict[Split, list[WantedImage]], *, stop: StopRequest, progress: Progress) -> FetchCounts:
        """Put images, by split of Open Images, into their folders; those that no tar holds are listed.

        Raises:
            ValueError: if there is no tar of a split.
        """
        counts = FetchCounts()
        for split, wanted in images.items():
            self._extract_split(split, {image.name: image for image in wanted}, counts, stop, progress)
        return counts

    def tars_of(self, split: Split) -> list[Path]:
        """Return the tars of a split of Open Images.

        Raises:
            ValueError: if there is none.
        """
        tars = sorted(path for path in self.folder.glob(f"{split}[._]*") if path.name.endswith(ENDINGS))
        if not tars:
            raise ValueError(f"{self.folder}: holds no tar of {split} images ({split}.tar.gz, {split}_0.tar.gz, ..)")
        return tars

    def _extract_split(
        self, split: Split, wanted: dict[str, WantedImage], counts: FetchCounts, stop: StopRequest, progress: Progress
    ) -> None:
        tars, damages = self.tars_of(split) if wanted else [], []
        for tar in tars:
            if not wanted or stop:
                break
            print(f"{tar.name}: {len(wanted)} images of {split} to look for", flush=True)
            try:
                for name, blocks in self._members(tar, wanted):
                    if stop:
                        return
                    if name in wanted:
                        self._settle(tar, wanted[name], blocks, counts)
                        del wanted[name]
                        progress.advance(failed=len(counts.failures))
                    if not wanted:
                        break
            except _DAMAGED as error:
                damages.append(f"{tar.name} is damaged ({error})")
        if not stop:
            reason = "; ".join([f"in none of {len(tars)} tars of {split}", *damages])
            for image in wanted.values():
                counts.note_failure(Failure(image.image_id, str(self.folder), reason, 1))

    def _settle(self, tar: Path, image: WantedImage, blocks: Iterator[bytes], counts: FetchCounts) -> None:
        aside = self.staging_folders[image.folder] / image.name
        try:
            write_blocks(blocks, aside)
            num_bytes = aside.stat().st_size
            settle_image(aside, image.path)
        except TransferError as error:
            counts.note_failure(Failure(image.image_id, str(tar), str(error), 1))
        else:
            counts.note_fetched(num_bytes)

    def _members(self, tar: Path, wanted: dict[str, WantedImage]) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield names and contents of members, at least of those in `wanted`; the caller removes names from it meanwhile."""
        index_path = self._index_path(tar)
        if not index_path.is_file():
            yield from self._read_all(tar, index_path)
            return
        index = check(pd.read_parquet(index_path), _INDEX, where=str(index_path))
        held = index[index["name"].isin(list(wanted))].sort_values("offset")
        if held.empty:
            return
        if tar.name.endswith(".tar"):
            yield from _read_some(tar, held)
        else:
            yield from _read_until(tar, set(held["name"]))

    def _read_all(self, tar: Path, index_path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
        rows = []
        for member, file in _stream(tar):
            rows.append((name := PurePosixPath(member.name).name, member.offset_data, member.size))
            yield name, _blocks_of(file)
        with replacing(index_path) as aside:
            check(pd.DataFrame(rows, columns=list(_INDEX.columns)), _INDEX, where=str(tar)).to_parquet(aside)

    def _index_path(self, tar: Path) -> Path:
        """Return the index's path for this very file: a tar of another size or time has an index of its own."""
        stat = tar.stat()
        key = f"{tar.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        return self.index_folder / f"{tar.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"


def _stream(tar: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the files of a tar in their order, and what they hold."""
    with _opened(tar) as raw:
        with tarfile.open(fileobj=raw, mode="r|", bufsize=BLOCK_BYTES) as archive:
            for member in archive:
                archive.members.clear()  # type: ignore[attr-defined]  # or it keeps all members
                if member.isreg() and (file := archive.extractfile(member)) is not None:
                    yield member, file
        while raw.read(BLOCK_BYTES):  # to the end, where gzip notices what is missing
            pass


class _AsItComes:
    """An unpacked file whose reads may be short: bytes before a damage are returned before the damage raises."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self.read = file.read1


@contextmanager
def _opened(tar: Path) -> Iterator[Any]:
    """Yield a file object that tarfile can read from."""
    if tar.name.endswith(".tar"):
        with tar.open("rb") as plain:
            yield plain
    else:
        with gzip.open(tar, "rb") as unpacked:
            yield _AsItComes(unpacked)


def _read_until(tar: Path, names: set[str]) -> Iterator[tuple[str, Iterator[bytes]]]:
    for member, file in _stream(tar):
        if (name := PurePosixPath(member.name).name) in names:
            names.remove(name)
            yield name, _blocks_of(file)
            if not names:
                return


def _read_some(tar: Path, held: pd.DataFrame) -> Iterator[tuple[str, Iterator[bytes]]]:
    with tar.open("rb") as file:
        for name, offset, num_bytes in zip(held["name"], held["offset"], held["num_bytes"], strict=True):
            file.seek(int(offset))
            yield name, _blocks_of(file, int(num_bytes))


def _blocks_of(file: IO[bytes], num_bytes: int | None = None) -> Iterator[bytes]:
    left = num_bytes
    while block := file.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)):
        left = None if left is None else left - len(block)
        yield block
