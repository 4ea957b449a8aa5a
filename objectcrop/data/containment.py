"""A data set stays under the data root: names and links that leave it are rejected, links unless a setting allows them."""

import os
from collections.abc import Iterable
from pathlib import Path

from objectcrop.data.many_files import ask_each
from objectcrop.study.settings.section import stays_below

_SHOWN = 5


def require_inside(paths: Iterable[str], root: Path, *, name: str, allow_links_outside: bool) -> None:
    """Check that files are under the data root; no file is opened, and those that are not there are not reported.

    Args:
        paths: relative to the data root, with forward slashes, as the files of the data set name them.
        root: the data root, which may be a link.
        name: of the data set, for messages.
        allow_links_outside: whether links below the data root may lead out of it. Names that leave it by their text never may.

    Raises:
        ValueError: naming up to five that leave it.
    """
    named = list(dict.fromkeys(paths))
    leaving = [repr(path) for path in named if not stays_below(path)]
    if leaving:
        raise ValueError(
            f"data set {name}: {len(leaving)} path(s) lead outside the data root {root} ({_first(leaving)}), but its files may "
            "name nothing outside, by .. or from /; correct the files that name them, or move what they name below the data root"
        )
    # After a link that may lead outside, .. is what is above the link's target: text alone does not show where.
    checked = [path for path in named if ".." in path.split("/")] if allow_links_outside else named
    targets = {path: target for path, target in zip(checked, _targets_outside(checked, root), strict=True) if target}
    if targets:
        raise ValueError(
            f"data set {name}: {len(targets)} path(s) are links, or below links, that lead outside the data root {root} "
            f"({_first([f'{path} -> {target}' for path, target in targets.items()])}); put the files below the data root, or set "
            f"datasets.{name}.allow_links_outside: true"
        )


def path_named(folder: str, file: str) -> str:
    """Return the path of a file that a data set's own files name within a folder, relative to the data root.

    A name from / on stays what it is, so that it is rejected: below the folder it would be another file.
    """
    return file if file.startswith("/") else f"{folder}/{file}"


def target_outside(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> str:
    """Return where a path really is, every link on the way followed; empty if that is the data root or below it."""
    target, top = os.path.realpath(path), os.path.realpath(root)
    return "" if target == top or target.startswith(top.rstrip(os.sep) + os.sep) else target


def _targets_outside(paths: list[str], root: Path) -> list[str]:
    """Return for each path where it is if that is outside, else an empty text: each folder is resolved once."""
    start = f"{root}{os.sep}"  # text: joining a Path takes longer than asking for a link
    folders = [os.path.dirname(path) for path in paths]
    is_outside = {folder: bool(target_outside(start + folder, root)) for folder in set(folders)}

    def target(path_and_folder: tuple[str, str]) -> str:
        path, folder = path_and_folder
        # in an inner folder, only a link or dots can lead out
        suspect = is_outside[folder] or path.endswith("..") or os.path.islink(start + path)
        return target_outside(start + path, root) if suspect else ""

    return ask_each(target, list(zip(paths, folders, strict=True)))


def _first(problems: list[str]) -> str:
    return ", ".join(problems[:_SHOWN]) + (", ..." if len(problems) > _SHOWN else "")
