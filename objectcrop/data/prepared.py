"""Smaller copies of the images of a data set: decoding takes most of a loader's time, and long sides are rarely needed.

Under `<data root>/prepared/<name>/` are 256 folders, by the hash of the image's id, and a record of each, written after its images.
A folder whose record is of the same images is not made again, so that an interrupted preparation resumes, and a changed image
costs one folder. `prepared.json` names the settings and the code; where they differ, everything is made again.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import cv2
import pandas as pd
from PIL import Image

from objectcrop.data.claimed_folders import claim_folder
from objectcrop.data.digests import bytes_digest
from objectcrop.data.images import decode_image
from objectcrop.data.manifest import UNREADABLE, Index
from objectcrop.runtime.atomic import read_json, write_text
from objectcrop.runtime.progress import Progress
from objectcrop.study.digest import code_digest
from objectcrop.study.settings.datasets import PreparedDataset
from objectcrop.study.settings.section import recorded
from objectcrop.tables import IMAGE_FILES, MANIFEST, empty_table

STAMP, RECORDS = "prepared.json", "records"
_JPEG = b"\xff\xd8"
_NUM_HASH_DIGITS, _NUM_FOLDER_DIGITS = 16, 2


class Source(NamedTuple):
    """An image as it is: its row of MANIFEST."""

    image_id: str
    path: str
    width_px: int
    height_px: int
    split: str
    digest: str


class Prepared(NamedTuple):
    """A smaller copy: what MANIFEST and IMAGE_FILES say of it."""

    width_px: int
    height_px: int
    num_bytes: int
    mtime_ns: int
    digest: str


def prepare_dataset(
    name: str, settings: PreparedDataset, manifest: pd.DataFrame, root: Path, *, num_workers: int = 1
) -> Index:
    """Make the copies that are not there yet, and return their index; ids and splits are those of the data set.

    Args:
        name: of the prepared data set; its folder is `<root>/prepared/<name>`.
        settings: how long sides may be, and the quality.
        manifest: MANIFEST of the data set that is prepared.
        root: the data root.
        num_workers: processes; the files do not depend on it.

    Raises:
        ValueError: naming the file, if an image cannot be decoded any more, or the folder holds something that was not made here.
    """
    folder = root / "prepared" / name
    package = Path(__file__).resolve().parents[2]
    stamp = {"settings": recorded(settings), "code": code_digest("objectcrop.data.prepared", package)}
    claim_folder(folder / STAMP, stamp, made="a prepared data set")
    groups = _by_folder(manifest)
    missing = [digits for digits, sources in groups.items() if _read_record(folder, digits, sources) is None]
    done = len(manifest) - sum(len(groups[digits]) for digits in missing)
    with Progress(f"prepare {name}", total=len(manifest), unit="images", done=done) as progress:
        for count in _prepare(folder, root, settings, {digits: groups[digits] for digits in missing}, num_workers):
            progress.advance(count)
    return _index(folder, root, manifest, groups)


def copy_path(image_id: str) -> str:
    """Return the path of a copy in the folder of its data set: ids may hold characters that files may not."""
    digits = hashlib.sha256(image_id.encode()).hexdigest()[:_NUM_HASH_DIGITS]
    return f"{digits[:_NUM_FOLDER_DIGITS]}/{digits}.jpg"


def smaller_jpeg(path: Path, source: Source, settings: PreparedDataset) -> tuple[bytes, int, int]:
    """Return a copy whose long side is at most what the settings say, with its width and height.

    A JPEG that is not longer stays as it is, byte for byte. Others are rotated upright, resized by Pillow's Lanczos filter if they
    are too long, and encoded (4:2:0).
    """
    data = path.read_bytes()
    longest = max(source.width_px, source.height_px)
    if longest <= settings.long_side_px and data.startswith(_JPEG):
        return data, source.width_px, source.height_px
    image = Image.fromarray(decode_image(path))
    if longest > settings.long_side_px:
        width, height = (max(1, round(side * settings.long_side_px / longest)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=settings.quality, subsampling="4:2:0")
    return encoded.getvalue(), image.width, image.height


def _by_folder(manifest: pd.DataFrame) -> dict[str, list[Source]]:
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in map(Source._make, manifest[list(Source._fields)].itertuples(index=False)):
        groups[copy_path(source.image_id)[:_NUM_FOLDER_DIGITS]].append(source)
    return dict(sorted(groups.items()))


def _record(folder: Path, digits: str) -> Path:
    return folder / RECORDS / f"{digits}.json"


def _read_record(folder: Path, digits: str, sources: Sequence[Source]) -> list[Prepared] | None:
    """Return the copies of one folder, if its record is of these images and their files are there."""
    path = _record(folder, digits)
    if not path.is_file():
        return None
    record = read_json(path)
    if record["of"] != [[source.image_id, source.digest] for source in sources]:
        return None
    prepared = [Prepared(*row) for row in record["prepared"]]
    files = (folder / copy_path(source.image_id) for source in sources)
    there = all(
        file.is_file() and (status := file.stat()).st_size == one.num_bytes and status.st_mtime_ns == one.mtime_ns
        for file, one in zip(files, prepared, strict=True)
    )
    return prepared if there else None


def _prepare(
    folder: Path, root: Path, settings: PreparedDataset, groups: dict[str, list[Source]], num_workers: int
) -> Iterator[int]:
    """Make the copies of folders, and yield the size of each that is finished."""
    make = partial(_make_folder, folder, root, settings)
    if num_workers <= 1 or len(groups) <= 1:
        yield from (make(digits, sources) for digits, sources in groups.items())
        return
    with ProcessPoolExecutor(min(num_workers, len(groups)), mp_context=get_context("spawn")) as pool:
        running = [pool.submit(make, digits, sources) for digits, sources in groups.items()]
        for future in as_completed(running):
            yield future.result()


def _make_folder(folder: Path, root: Path, settings: PreparedDataset, digits: str, sources: Sequence[Source]) -> int:
    """Make the copies of one folder, last of all its record; return how many they are."""
    cv2.setNumThreads(1)
    _record(folder, digits).unlink(missing_ok=True)
    (folder / digits).mkdir(parents=True, exist_ok=True)
    wanted = {folder / copy_path(source.image_id): source for source in sources}
    for file in set((folder / digits).iterdir()) - set(wanted):
        file.unlink()  # of an image that the data set has no more, or of an interrupted job
    rows = []
    for file, source in wanted.items():
        data, width, height = smaller_jpeg(root / source.path, source, settings)
        file.write_bytes(data)  # not one by one atomic: only the folder's record makes its images count
        rows.append(Prepared(width, height, len(data), file.stat().st_mtime_ns, bytes_digest(data)))
    record = {"of": [[source.image_id, source.digest] for source in sources], "prepared": rows}
    write_text(_record(folder, digits), json.dumps(record))
    return len(sources)


def _index(folder: Path, root: Path, manifest: pd.DataFrame, groups: dict[str, list[Source]]) -> Index:
    rows: dict[str, Prepared] = {}
    for digits, sources in groups.items():
        prepared = _read_record(folder, digits, sources)
        if prepared is None:
            raise ValueError(f"{folder / digits}: its files changed while the data set was prepared; start it again")
        rows.update(zip((source.image_id for source in sources), prepared, strict=True))
    ordered = pd.DataFrame([rows[image_id] for image_id in manifest["image_id"]], columns=list(Prepared._fields))
    below = folder.relative_to(root).as_posix()
    copies = manifest.reset_index(drop=True).assign(
        path=[f"{below}/{copy_path(image_id)}" for image_id in manifest["image_id"]],
        **{name: ordered[name] for name in ("width_px", "height_px", "num_bytes", "digest")},
    )
    files = copies.assign(mtime_ns=ordered["mtime_ns"])[list(IMAGE_FILES.columns)]
    listed = copies.astype(MANIFEST.columns)[list(MANIFEST.columns)]
    return Index(listed, empty_table(UNREADABLE), files.astype(IMAGE_FILES.columns))
