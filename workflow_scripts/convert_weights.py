"""Convert a ResNet's weights from the layout of one project to that of another; what is left out is printed."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.networks.key_schemes import BY_NAME
from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    layouts = f"one of {', '.join(BY_NAME)}"
    sources = "\n".join(f"  {scheme.name}: {scheme.source}" for scheme in BY_NAME.values())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"layouts, and who writes them:\n{sources}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source", metavar="FROM", type=Path, help="file of torch.save, .safetensors, or Detectron2's .pkl"
    )
    parser.add_argument("target", metavar="TO", type=Path, help="file to write: .safetensors, .pth, .pkl, ...")
    parser.add_argument(
        "--from",
        dest="read",
        metavar="LAYOUT",
        choices=BY_NAME,
        help=f"layout of FROM, {layouts}; recognised if left out",
    )
    parser.add_argument(
        "--to",
        dest="write",
        metavar="LAYOUT",
        choices=BY_NAME,
        help="layout of TO; left out, detectron2 for .pkl and torchvision for others",
    )
    parser.add_argument("--names", action="store_true", help="print the path of every tensor that is left out")
    args = parser.parse_args(argv)

    from objectcrop.networks.checkpoints import read_checkpoint
    from objectcrop.networks.conversion import complete_resnet, describe_leftovers, find_trunk
    from objectcrop.networks.layout_files import default_scheme, write_layout
    from objectcrop.networks.weights import read_training_precision
    from objectcrop.runtime.checksum import file_sha256

    layout = BY_NAME[args.write or default_scheme(args.target)]
    if args.target.resolve() == args.source.resolve():
        raise ValueError(f"{args.target}: FROM and TO are the same file; name another one to write")
    trunk = find_trunk(read_checkpoint(args.source), where=str(args.source), scheme=args.read)
    print(f"{args.source}: layout {trunk.describe()}")
    arch, weights = complete_resnet(trunk, where=str(args.source))
    print(f"{arch}: {len(trunk.weights)} tensors of the trunk{trunk.describe_changes(weights)}")
    print("\n".join(describe_leftovers(trunk.leftovers, every=args.names)))
    is_ours = args.source.suffix == ".safetensors"
    write_layout(args.target, weights, layout, read_training_precision(args.source) if is_ours else "unknown")
    print(f"{args.target}: layout {layout.name}, {len(weights)} tensors, SHA-256 {file_sha256(args.target)}")


if __name__ == "__main__":
    run(main)
