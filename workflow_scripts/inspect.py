"""Open the FiftyOne App on the built exports: import what changed, then serve it on this machine until Ctrl-C."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "manifests", type=Path, nargs="*", help="manifest.json of each export; by default all under results/inspect"
    )
    parser.add_argument("--data-root", type=Path, help="folder of the images; by default the one it was built with")
    parser.add_argument("--database", type=Path, default=Path(".objectcrop/fiftyone"), help="folder, on a local disk")
    parser.add_argument("--port", type=int, default=5151, help="of the loopback address")
    parser.add_argument("--token", help="secret of the address; random by default")
    parser.add_argument("--no-launch", action="store_true", help="import only")
    args = parser.parse_args(argv)

    from objectcrop.inspection.database import database
    from objectcrop.inspection.export import check_export, load_export, read_manifest
    from objectcrop.inspection.server import require_free_port, serve
    from objectcrop.study.plan.paths import INSPECTION

    manifests = args.manifests or sorted(Path().glob(INSPECTION.format(dataset="*", source="*")))
    if not manifests:
        raise ValueError("nothing to show: results/inspect holds no export; build: snakemake --cores all")
    roots = [args.data_root or Path(read_manifest(path.parent)["data_root"]) for path in manifests]
    for path, root in zip(manifests, roots, strict=True):
        check_export(path.parent, data_root=root)
    if not args.no_launch:
        require_free_port(args.port)
    with database(args.database):
        names = []
        for path, root in zip(manifests, roots, strict=True):
            dataset = load_export(path.parent, data_root=root)
            names.append(dataset.name)
            print(f"{dataset.name}: {len(dataset)} images", flush=True)
        if not args.no_launch:
            serve(names[0], port=args.port, token=args.token)


if __name__ == "__main__":
    run(main)
