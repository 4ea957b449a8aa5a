"""Settings of downloads: which files of Open Images, how many images, from where and how."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from objectcrop.study.settings.section import Section, Split

PUBLIC_METADATA = "https://storage.googleapis.com/openimages"
PUBLIC_IMAGES = "https://open-images-dataset.s3.amazonaws.com"
SCHEMES = ("http", "https", "file")

MetadataKey = Literal[
    "train_boxes",
    "validation_boxes",
    "test_boxes",
    "class_descriptions",
    "train_image_ids",
    "validation_image_ids",
    "test_image_ids",
]
"""A file of Open Images' metadata, by the splits of Open Images."""


def _checked_base(base: str) -> str:
    parts = urlsplit(base)
    if parts.scheme not in SCHEMES or not (parts.netloc or parts.path.startswith("/")):
        raise ValueError(f"must start with http://, https:// or file:/// and be complete, got {base!r}")
    return base.rstrip("/")


class MetadataFile(Section):
    """Address, size and checksum of one metadata file; each overrides the value in our own table."""

    address: str | None = Field(default=None, description="Its whole address; null: below transfer.metadata_base.")
    num_bytes: int | None = Field(default=None, ge=1, description="Its size, bytes; null: as in our table, if there.")
    sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="Its SHA-256; null: as in our table, if there."
    )

    @field_validator("address")
    @classmethod
    def _is_complete(cls, address: str | None) -> str | None:
        return None if address is None else _checked_base(address)


class AddressImages(Section):
    """Images one by one, at `<base>/<split of Open Images>/<ImageID>.jpg`."""

    kind: Literal["address"] = "address"
    base: str = Field(
        default=PUBLIC_IMAGES,
        description="The public bucket, or a mirror with its layout: http://, https:// or file:///.",
    )

    _base = field_validator("base")(_checked_base)


class TarImages(Section):
    """Images out of tars of this machine, named as CVDF's: `train_0.tar.gz`, .., `validation.tar.gz`, `test.tar.gz`."""

    kind: Literal["tars"]
    folder: str = Field(description="Folder of the tars (.tar, .tar.gz, .tgz), absolute or relative to the data root.")


class Transfer(Section):
    """From where, and how patiently; what is fetched does not depend on it, so a change reruns nothing."""

    metadata_base: str = Field(
        default=PUBLIC_METADATA, description="The public address, or a mirror with its layout: http, https or file."
    )
    images: Annotated[AddressImages | TarImages, Field(discriminator="kind")] = Field(
        default=AddressImages(), description="Where images come from; `kind: address` where no kind is set."
    )
    connections: int = Field(default=16, ge=1, le=256, description="Images fetched at once by one job.")
    attempts: int = Field(default=6, ge=1, le=100, description="Tries of one file before it counts as failed.")
    timeout_s: float = Field(default=30, gt=0, description="Longest silence of a server, seconds.")
    image_deadline_s: float = Field(default=300, gt=0, description="Longest time of one try of an image, seconds.")
    first_wait_s: float = Field(
        default=1, ge=0, description="Wait before the second try, seconds; it doubles with each, give or take a half."
    )
    longest_wait_s: float = Field(
        default=60, ge=0, description="Longest wait before a try, seconds, also where a server asks for more."
    )

    _metadata_base = field_validator("metadata_base")(_checked_base)

    @field_validator("images", mode="before")
    @classmethod
    def _address_by_default(cls, value: Any) -> Any:
        return {"kind": "address", **value} if isinstance(value, dict) else value


class Download(Section):
    """What is fetched of Open Images; without this section the data is expected under the data root."""

    version: Literal["v4", "v5", "v6", "v7"] = Field(
        default="v4", description="Release that the boxes are taken from; the paper's is V4. The images are the same."
    )
    image_ids: bool = Field(
        default=False, description="Also fetch the tables of image ids (authors, licences, rotation), beside the boxes."
    )
    upstream_splits: dict[Split, Split] = Field(
        default={}, description="Split of Open Images that a split of this data set is taken from; the same by default."
    )
    max_images: dict[Split, int] = Field(
        default={},
        description="Images of a split where the data set is used directly; all that have boxes by default. Of a data "
        "set of source ohms exactly its images are fetched, whatever stands here.",
    )
    sampling: Literal["first", "random"] = Field(
        default="first", description="Which those are: the first by sorted id, or a seeded random sample."
    )
    seed: int = Field(default=0, ge=0, description="Seed of that sample.")
    num_shards: int = Field(default=1, ge=1, description="Jobs that the images are fetched by.")
    metadata: dict[MetadataKey, MetadataFile] = Field(
        default={}, description="Addresses, sizes and checksums of metadata files that differ from our table."
    )
    transfer: Transfer = Field(default=Transfer(), description="From where, and how patiently.")

    @field_validator("max_images")
    @classmethod
    def _at_least_one(cls, limits: dict[Split, int]) -> dict[Split, int]:
        if wrong := {split: limit for split, limit in limits.items() if limit < 1}:
            raise ValueError(f"must be at least 1, got {wrong}; leave a split out of images to have none of it")
        return limits

    def upstream(self, split: Split) -> Split:
        """Return the split of Open Images that a split of the data set is taken from."""
        return self.upstream_splits.get(split, split)
