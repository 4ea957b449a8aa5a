"""The export folder is the result; the App's database is a cache of it.

The folder is FiftyOne's own format without images, paths relative to the data root, plus manifest.json. It needs no
server, can be zipped and opened elsewhere, and a wrong or old database can simply be deleted.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectcrop.inspection.dataset import plain_folder
from objectcrop.inspection.fields import SCHEMA_VERSION
from objectcrop.runtime.atomic import read_json, write_json
from objectcrop.runtime.checksum import file_sha256

MANIFEST_FILE = "manifest.json"


def write_export(dataset: Any, folder: str | Path, *, data_root: str | Path, about: Mapping[str, Any]) -> None:
    """Write a data set to a folder, whole or not at all; what was there before is replaced.

    Args:
        dataset: FiftyOne data set.
        folder: to write.
        data_root: folder that the stored paths become relative to.
        about: further entries of the manifest.
    """
    import fiftyone as fo

    target, root = Path(folder), plain_folder(data_root)
    aside = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        dataset.export(
            export_dir=str(aside),
            dataset_type=fo.types.FiftyOneDataset,
            export_media=False,
            rel_dir=str(root),
            progress=False,
        )
        files = sorted(path for path in aside.rglob("*") if path.is_file())
        manifest = {
            **about,
            "dataset_name": dataset.name,
            "schema_version": SCHEMA_VERSION,
            "num_images": len(dataset),
            "some_image": _relative(dataset.first().filepath, root) if len(dataset) else None,
            # FiftyOne's format leaves indexes out
            "indexes": sorted(field for field in dataset.list_indexes() if field in dataset.get_field_schema()),
            "sha256": {path.relative_to(aside).as_posix(): file_sha256(path) for path in files},
        }
        write_json(aside / MANIFEST_FILE, manifest)
        if target.exists():
            shutil.rmtree(target)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of an export.

    Raises:
        FileNotFoundError: saying how to build it, if it is not there.
    """
    path = Path(folder) / MANIFEST_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; build it first: snakemake --cores all {path}")
    manifest: dict[str, Any] = read_json(path)
    return manifest


def check_export(folder: str | Path, *, data_root: str | Path) -> None:
    """Check that an export is whole and its images are there.

    Raises:
        FileNotFoundError: if the export or its images are not there.
        ValueError: if a file is not the one that the manifest names.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest["sha256"].items():
        path = Path(folder) / name
        if not path.is_file() or file_sha256(path) != expected:
            raise ValueError(
                f"{path} is not the file that {MANIFEST_FILE} names; build it again: "
                f"snakemake --cores all --forcerun build_inspection {Path(folder) / MANIFEST_FILE}"
            )
    image = plain_folder(data_root) / (manifest["some_image"] or "")
    if not image.exists():
        raise FileNotFoundError(f"{image} is not there; is {data_root} the data root? Give --data-root")


def load_export(folder: str | Path, *, data_root: str | Path) -> Any:
    """The FiftyOne data set of an export that was checked, from the database where it is already there, else imported.

    What people added survives a new import: tags on images and on boxes, and the views that they saved.
    """
    import fiftyone as fo

    source, root = Path(folder), plain_folder(data_root)
    manifest = read_manifest(source)
    name = manifest["dataset_name"]
    stamp = _stamp(manifest, root)
    old = fo.load_dataset(name) if fo.dataset_exists(name) else None
    if old is not None and old.info.get("export") == stamp:
        return old
    coming = f"{name}.coming"
    if fo.dataset_exists(coming):  # of an import that was cut short
        fo.delete_dataset(coming)
    new = fo.Dataset.from_dir(
        dataset_dir=str(source),
        dataset_type=fo.types.FiftyOneDataset,
        name=coming,
        rel_dir=str(root),
        progress=False,
    )
    for field in manifest["indexes"]:
        new.create_index(field)
    folders = sorted({os.path.dirname(path) for path in new.values("filepath")})
    new.info = {**new.info, "export": stamp, "media_folders": folders}
    if old is not None:
        _carry_over(old, new)
    _renew_patches(new, stamp)
    if old is not None:
        fo.delete_dataset(name)
    new.name = name
    new.persistent = True  # last: an import that is cut short leaves nothing that would be taken for whole
    new.save()
    return new


def _stamp(manifest: Mapping[str, Any], root: Path) -> str:
    """Compute a hash of what an imported data set depends on."""
    inputs = [manifest["sha256"], manifest["schema_version"], str(root)]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _relative(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix()


def _carry_over(old: Any, new: Any) -> None:
    """Copy people's tags and saved views; stable ids match images and boxes of both exports."""
    import fiftyone as fo

    tags = dict(zip(*old.values(["id", "tags"]), strict=True))
    new.set_values("tags", [tags.get(key) or [] for key in new.values("id")])
    for field in new.get_field_schema(embedded_doc_type=fo.Detections):
        if not old.has_field(field):
            continue
        columns = old.values([f"{field}.detections.id", f"{field}.detections.tags"])
        boxes = ((key, value) for row in zip(*columns, strict=True) if row[0] for key, value in zip(*row, strict=True))
        kept = {key: value for key, value in boxes if value}
        if kept:
            rows = new.values(f"{field}.detections.id")
            new.set_values(f"{field}.detections.tags", [[kept.get(key, []) for key in row or []] for row in rows])
    for name in set(old.list_saved_views()) - set(new.list_saved_views()):
        stages = [json.loads(stage) for stage in old._get_saved_view_doc(name).view_stages]
        info = old.get_saved_view_info(name)
        new.save_view(
            name, fo.DatasetView._build(new, stages), description=info["description"], color=info["color"]
        )  # fmt: skip


def _renew_patches(dataset: Any, stamp: str) -> None:
    """Rename what saved views of patches are computed into.

    FiftyOne keeps the patches of a saved view as a hidden data set, whose name travels with the view: without a name of
    its own each import would show the patches of the one before, or the emptied ones that deleting it leaves behind.
    """
    for number, name in enumerate(dataset.list_saved_views()):
        document = dataset._get_saved_view_doc(name)
        stages = [json.loads(stage) for stage in document.view_stages]
        for key, value in (setting for stage in stages for setting in stage["kwargs"]):
            if key == "_state" and value is not None:
                value["name"] = f"patches-{stamp[:16]}-{number}"
        document.view_stages = [json.dumps(stage) for stage in stages]
        document.save()
