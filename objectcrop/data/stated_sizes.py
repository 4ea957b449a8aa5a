"""Sizes of images as the annotations state them, beside those of the decoded images.

Annotations are taken in displayed orientation: for the image as it is decoded, its EXIF orientation applied. A file whose
annotations were made on the stored pixels states the two sides the other way round. Its boxes are not rotated: which of the
two was meant is for people to say.
"""

from collections.abc import Iterable

import pandas as pd

from objectcrop.tables import Schema

STATED = ("stated_width_px", "stated_height_px")
"""Columns of a listing, pixels; missing where no file states a size. A listing of a layout that states none lacks them."""

MISMATCHES = Schema(
    "mismatches",
    {
        "image_id": "str",
        "path": "str",
        "split": "str",
        "stated_width_px": "float64",
        "stated_height_px": "float64",
        "width_px": "int32",  # after EXIF orientation, as decoded
        "height_px": "int32",
        "orientation": "int32",  # of EXIF, 1 to 8
    },
)
_SHOWN = 5


def find_mismatches(images: pd.DataFrame) -> pd.DataFrame:
    """Return the images that have another size than the annotations state, as MISMATCHES, under the row labels of `images`.

    Args:
        images: decoded images of a listing: its columns, width_px, height_px and orientation.
    """
    if not set(STATED) <= set(images.columns):
        return pd.DataFrame(columns=list(MISMATCHES.columns), index=images.index[:0])
    width, height = (images[side] for side in STATED)
    is_other = (width != images["width_px"]) | (height != images["height_px"])
    return images.loc[is_other & width.notna() & height.notna(), list(MISMATCHES.columns)]


def mismatch_error(name: str, mismatched: pd.DataFrame, *, num_images: int) -> ValueError:
    """Return the error that names up to five images of MISMATCHES, both sizes of each, and what to do.

    Args:
        name: of the data set.
        mismatched: MISMATCHES, with at least one row.
        num_images: of the whole data set.
    """
    shown = "; ".join(_describe(mismatched.head(_SHOWN)))
    more = "; ..." if len(mismatched) > _SHOWN else ""
    return ValueError(
        f"data set {name}: {len(mismatched)} of {num_images} images have another size, once EXIF orientation is applied, than the "
        f"annotations state, so that boxes would be elsewhere ({shown}{more}); {_advice(mismatched)}, or set "
        f"datasets.{name}.size_mismatch: list to leave them out"
    )


def _describe(rows: pd.DataFrame) -> Iterable[str]:
    for row in rows.to_dict("records"):
        stated = f"{row['stated_width_px']:g} x {row['stated_height_px']:g}"
        yield f"{row['path']}: stated {stated}, decoded {row['width_px']} x {row['height_px']}"


def _advice(mismatched: pd.DataFrame) -> str:
    """Return what to do: where EXIF orientation alone explains the difference, the annotations are of the stored pixels."""
    is_stored = (
        (mismatched["orientation"] >= 5)
        & (mismatched["stated_width_px"] == mismatched["height_px"])
        & (mismatched["stated_height_px"] == mismatched["width_px"])
    )
    if not is_stored.any():
        return "correct the annotations or get the images that they were made on"
    return (
        f"{int(is_stored.sum())} of them were annotated in stored orientation: remove the orientation from the EXIF data of "
        "these files, and they are decoded as they were annotated"
    )
