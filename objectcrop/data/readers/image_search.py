"""Which images are in a folder, by the folder's own list: no image is opened or asked for its size."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from objectcrop.data.containment import target_outside

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jp2"})
"""File names that are taken for images, in lower case; other files in the folder are passed over."""


def images_under(folder: Path, *, within: Path | None = None) -> list[str]:
    """Return the sorted paths of the images in a folder, at any depth, with forward slashes.

    Hidden files and folders are passed over, links to folders are followed, and a folder whose name ends as an image's is
    a folder.

    Args:
        folder: where they are.
        within: the folder that links to folders may not lead out of; None lets them.

    Raises:
        ValueError: if there is none, or a link leads back to a folder that it is in, or out of `within`.
    """
    names = sorted(name for name in _files_under(folder, within) if os.path.splitext(name)[1].lower() in SUFFIXES)
    if not names:
        raise ValueError(f"{folder}: there is no image in it; images end in {', '.join(sorted(SUFFIXES))}")
    return names


def find_images(
    ids: Collection[str],
    folder: Path,
    *,
    suffixes: tuple[str, ...] = (".jpg",),
    nested: bool = False,
    within: Path | None = None,
) -> dict[str, str]:
    """Return the path in `folder` of each id that has an image there; ids without one are left out.

    Args:
        ids: image ids, each once.
        folder: where the images are.
        suffixes: endings of the files, as they are written: an image is `<id><ending>`.
        nested: whether to search sub-folders too; an id is then a file's path in the folder without the ending, or its
            name alone.
        within: the folder that links to sub-folders may not lead out of; None lets them.

    Raises:
        ValueError: naming both, if two files have the id of one image; naming the link, if one leads out of `within`.
    """
    wanted = frozenset(ids)
    files: dict[str, str] = {}
    for image_id, name in _nested(wanted, folder, suffixes, within) if nested else _flat(wanted, folder, suffixes):
        other = files.setdefault(image_id, name)
        if other != name:
            raise ValueError(
                f"{folder}: image id {image_id!r} has two files ({', '.join(sorted([other, name]))}); keep one, or give narrower "
                "image_suffixes"
            )
    return files


def _flat(ids: frozenset[str], folder: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    present = frozenset(os.listdir(folder))
    for suffix in suffixes:
        yield from ((image_id, f"{image_id}{suffix}") for image_id in ids if f"{image_id}{suffix}" in present)


def _nested(
    ids: frozenset[str], folder: Path, suffixes: tuple[str, ...], within: Path | None
) -> Iterator[tuple[str, str]]:
    for name in _files_under(folder, within):
        for suffix in suffixes:
            if name.endswith(suffix):
                path_id = name.removesuffix(suffix)
                yield from ((image_id, name) for image_id in {path_id, path_id.rsplit("/", 1)[-1]} & ids)


def _files_under(
    folder: Path, within: Path | None, inside: str = "", above: tuple[tuple[int, int], ...] = ()
) -> Iterator[str]:
    """Yield files at any depth; `above` identifies the folders on the way, so that a link in a circle is noticed."""
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise ValueError(f"{folder}: is a link to a folder that it is in; remove it")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if within is not None and entry.is_symlink():
                    _require_link_within(folder / entry.name, within)
                yield from _files_under(folder / entry.name, within, f"{inside}{entry.name}/", (*above, here))
            else:
                yield f"{inside}{entry.name}"


def _require_link_within(link: Path, within: Path) -> None:
    if target := target_outside(link, within):
        raise ValueError(
            f"{link}: is a link to {target}, which is outside the data root {within}; put the folder below the data root, or set "
            "allow_links_outside: true for this data set"
        )
