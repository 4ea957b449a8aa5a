"""A server, small JPEGs, and quick settings."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from objectcrop.data.downloads.images import FetchReport, FetchRequest, fetch_wanted
from objectcrop.data.downloads.wanted import WantedImages
from objectcrop.runtime.signals import StopRequest
from objectcrop.study.settings.downloads import Transfer
from tests.loopback import Server, running


def jpeg(seed: int, size_px: int = 24) -> bytes:
    """A JPEG unlike any other."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size_px, size_px, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with running() as running_server:
        yield running_server


@pytest.fixture
def stocked(server) -> Server:
    """Thirty training images p00 .. p29."""
    server.contents |= {f"/train/p{number:02d}.jpg": jpeg(number) for number in range(30)}
    return server


def quick(base: str, **changed: object) -> Transfer:
    """Settings for tests: waits of milliseconds."""
    images = {"kind": "address", "base": base}
    values = {"connections": 4, "attempts": 3, "timeout_s": 0.4, "first_wait_s": 0.005, "longest_wait_s": 0.3}
    return Transfer.model_validate({"metadata_base": base, "images": images, **values, **changed})


@pytest.fixture
def fetch(tmp_path) -> Callable[..., FetchReport]:
    """Fetch training images into tmp_path/data/images."""

    def run(ids: list[str], transfer: Transfer, *, share: float = 1.0, stop: StopRequest | None = None) -> FetchReport:
        wanted = WantedImages({"train": tmp_path / "data/images"}, {"train": "train"}, {"train": ids}, len(ids))
        return fetch_wanted(
            FetchRequest("some", wanted, transfer, tmp_path / "data", share), StopRequest() if stop is None else stop
        )

    return run
