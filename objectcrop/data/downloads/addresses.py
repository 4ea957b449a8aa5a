"""Where Open Images publishes its files, with the sizes and checksums that are public.

None of these addresses could be tried where this was written; each is cited:

- 2018_04 (V4) box CSVs: `open_images_v4` of TensorFlow Datasets, which also holds their sizes and SHA-256
  (tensorflow_datasets/datasets/open_images_v4/checksums.tsv). The paper uses V4.
- Box CSVs of V5 to V7 and the class descriptions: the download pages (openimages/web/download_v6.html, download_v7.html) and
  FiftyOne's fiftyone/utils/openimages.py. V5 has validation and test boxes of its own and V4's training boxes, V6 has
  training boxes of its own, V7 adds none. V5's class descriptions have no header line, as our reader expects; V7's have one.
- Tables of image ids: the download page of V7, which links those of 2018_04.
- Images, `https://open-images-dataset.s3.amazonaws.com/{split}/{image_id}.jpg`: the bucket `open-images-dataset` of
  github.com/cvdfoundation/open-images-dataset, and downloader.py of github.com/openimages/dataset, which reads
  `{split}/{image_id}.jpg` from it.

We know of no published checksum of the other files: what was fetched first is recorded, and compared later.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import get_args

from objectcrop.study.settings.datasets import OpenImagesDataset, Split
from objectcrop.study.settings.downloads import Download, MetadataFile, MetadataKey

_V4_BOXES = "2018_04/{split}/{split}-annotations-bbox.csv"
_V5_BOXES = "v5/{split}-annotations-bbox.csv"
_V6_BOXES = "v6/oidv6-{split}-annotations-bbox.csv"
_BOXES: dict[str, dict[Split, str]] = {
    "v4": {"train": _V4_BOXES, "validation": _V4_BOXES, "test": _V4_BOXES},
    "v5": {"train": _V4_BOXES, "validation": _V5_BOXES, "test": _V5_BOXES},
    "v6": {"train": _V6_BOXES, "validation": _V5_BOXES, "test": _V5_BOXES},
    "v7": {"train": _V6_BOXES, "validation": _V5_BOXES, "test": _V5_BOXES},
}
_IMAGE_IDS: dict[Split, str] = {
    "train": "2018_04/train/train-images-boxable-with-rotation.csv",
    "validation": "2018_04/validation/validation-images-with-rotation.csv",
    "test": "2018_04/test/test-images-with-rotation.csv",
}
_PUBLISHED = {
    "2018_04/train/train-annotations-bbox.csv": (
        1_194_033_454,
        "0646f6a18872519da5eb89a6420d23c1202bfb44c62f89bea8d1621817234309",
    ),
    "2018_04/validation/validation-annotations-bbox.csv": (
        17_074_036,
        "aebdfc1dbae39dc1f25d2079720f95c5963eeaf9ff23fe638522f09aeb306ee7",
    ),
    "2018_04/test/test-annotations-bbox.csv": (
        52_174_204,
        "7cd2d47f158b6e752c972a20186f33a2d467c371e326d39e210e2ee89d978d2b",
    ),
}
"""Size in bytes and SHA-256, from TensorFlow Datasets (see above)."""


@dataclass(frozen=True)
class WantedFile:
    """A metadata file to fetch.

    Attributes:
        key: which file of Open Images.
        path: where it goes, relative to the data root.
        address: where it comes from.
        num_bytes: its size; None if it is not published.
        sha256: its SHA-256; None if it is not published.
    """

    key: MetadataKey
    path: str
    address: str
    num_bytes: int | None
    sha256: str | None


def wanted_metadata(dataset: OpenImagesDataset, download: Download, metadata_base: str) -> list[WantedFile]:
    """Return the metadata files that a data set needs: boxes of its splits, class descriptions, and image ids if asked for."""
    files = []
    for split, path in dataset.boxes.items():
        upstream = download.upstream(split)
        public = _BOXES[download.version][upstream].format(split=upstream)
        files.append(_wanted(_key(upstream, "boxes"), path, public, download, metadata_base))
        if download.image_ids:
            beside = PurePosixPath(path).with_name(PurePosixPath(_IMAGE_IDS[upstream]).name)
            key = _key(upstream, "image_ids")
            files.append(_wanted(key, beside.as_posix(), _IMAGE_IDS[upstream], download, metadata_base))
    classes = ("2018_04" if download.version == "v4" else "v5") + "/class-descriptions-boxable.csv"
    return [*files, _wanted("class_descriptions", dataset.class_descriptions, classes, download, metadata_base)]


def _wanted(key: MetadataKey, path: str, public: str, download: Download, metadata_base: str) -> WantedFile:
    override = download.metadata.get(key, MetadataFile())
    # an address of one's own may hold another file: only the size and checksum set beside it count
    num_bytes, sha256 = _PUBLISHED.get(public, (None, None)) if override.address is None else (None, None)
    address = override.address or f"{metadata_base}/{public}"
    return WantedFile(key, path, address, override.num_bytes or num_bytes, override.sha256 or sha256)


def _key(split: Split, kind: str) -> MetadataKey:
    keys: dict[str, MetadataKey] = {key: key for key in get_args(MetadataKey)}
    return keys[f"{split}_{kind}"]
