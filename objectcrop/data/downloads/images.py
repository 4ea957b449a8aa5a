"""The images of one job: what is there is left alone, the rest comes from addresses or tars."""

import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from objectcrop.data.downloads.fetching import Failure, FetchCounts, UnreachableError, fetch_images, image_address
from objectcrop.data.downloads.staging import staging
from objectcrop.data.downloads.tars import TarSource
from objectcrop.data.downloads.wanted import WantedImage, WantedImages
from objectcrop.runtime.progress import Progress
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.datasets import Split
from objectcrop.study.settings.downloads import TarImages, Transfer

_FEW_FAILURES = 100
"""Failures that are listed before a job ends early: a sample that shows what is wrong."""


@dataclass(frozen=True)
class FetchRequest:
    """What a job is to do.

    Attributes:
        name: of the data set, for messages.
        wanted: the images.
        transfer: from where, and how patiently.
        root: the data root.
        max_unreadable_share: of all images of the data set, 0..1.
    """

    name: str
    wanted: WantedImages
    transfer: Transfer
    root: Path
    max_unreadable_share: float


@dataclass(frozen=True)
class FetchReport:
    """What a job did.

    Attributes:
        num_wanted: images of the job.
        num_already_there: those that were in their folders before.
        num_fetched: those that came now.
        num_bytes: their bytes.
        seconds: that it took.
        failures: the others, by id.
    """

    num_wanted: int
    num_already_there: int
    num_fetched: int
    num_bytes: int
    seconds: float
    failures: list[Failure]

    def as_json(self) -> dict[str, Any]:
        """Return plain values, with every failure."""
        return asdict(self) | {"num_failed": len(self.failures)}


def fetch_wanted(request: FetchRequest, stop: StopRequest) -> FetchReport:
    """Fetch the images of a job that are not there yet.

    A job whose failures alone are more than the data set may lack ends early, after a hundred at the earliest: indexing would stop
    anyway. After a signal the report says what was done until then.

    Raises:
        ValueError: if nothing can be reached, there are no tars, or an image cannot be written.
    """
    start = time.monotonic()
    wanted = request.wanted
    with ExitStack() as stack:
        places: dict[Path, Path] = {}
        missing: dict[Split, list[WantedImage]] = {}
        for split, folder in wanted.folders.items():
            place = stack.enter_context(staging(folder, {image.name for image in wanted.images(split)}))
            places[folder] = place.folder
            missing[split] = [image for image in wanted.images(split) if image.name not in place.there]
        num_there = len(wanted) - sum(map(len, missing.values()))
        with Progress(f"fetch {request.name}", total=len(wanted), unit="images", done=num_there) as progress:
            counts = _bring(request, missing, places, stop, progress)
    failures = sorted(counts.failures, key=lambda failure: failure.image_id)
    seconds = time.monotonic() - start
    return FetchReport(len(wanted), num_there, counts.num_fetched, counts.num_bytes, seconds, failures)


def require_few_failures(report: FetchReport, request: FetchRequest) -> None:
    """Check that the failures of this job alone are no more than the whole data set may lack.

    Raises:
        ValueError: naming the first of them.
    """
    num_in_all, share = request.wanted.num_in_all, request.max_unreadable_share
    if len(report.failures) <= share * num_in_all:
        return
    examples = "; ".join(f"{failure.address}: {failure.reason}" for failure in report.failures[:5])
    left = report.num_wanted - report.num_already_there - report.num_fetched - len(report.failures)
    untried = f", {left} more were then not tried" if left > 0 else ""
    raise ValueError(
        f"data set {request.name}: {len(report.failures)} images could not be fetched{untried}; of {num_in_all} in all the "
        f"share {share:g} may be missing ({examples}); run it again, take another source "
        f"(datasets.{request.name}.download.transfer), or raise max_unreadable_share"
    )


def _bring(
    request: FetchRequest,
    missing: dict[Split, list[WantedImage]],
    places: dict[Path, Path],
    stop: StopRequest,
    progress: Progress,
) -> FetchCounts:
    source, name = request.transfer.images, request.name
    if isinstance(source, TarImages):
        tars = TarSource(request.root / source.folder, request.root / ".tar_index", places)
        by_upstream = {request.wanted.upstream[split]: images for split, images in missing.items()}
        return tars.extract(by_upstream, stop=stop, progress=progress)
    base = source.base
    try:
        return fetch_images(
            (image for images in missing.values() for image in images),
            address_of=lambda image: image_address(base, image),
            staging_folder_of=lambda image: places[image.folder],
            transfer=request.transfer,
            stop=stop,
            progress=progress,
            max_failures=max(_FEW_FAILURES, int(request.max_unreadable_share * request.wanted.num_in_all)),
        )
    except UnreachableError as error:
        raise UnreachableError(
            f"data set {name}: {base} cannot be reached: {error}; check the network and the proxy (https_proxy), or set "
            f"datasets.{name}.download.transfer to a mirror or to tars; the same command resumes where this stopped"
        ) from error
