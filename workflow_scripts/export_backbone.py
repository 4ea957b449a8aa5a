"""Write a run's weights in Detectron2's names."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from workflow_scripts.arguments import ScriptParser


def main(argv: Sequence[str] | None = None) -> None:
    parser = ScriptParser(__doc__)
    parser.add_input("backbone", "weights of the run (torchvision's names)")
    parser.add_output("out", "pickle of numpy arrays to write, for Detectron2")
    args = parser.parse_args(argv)
    made = parser.begin("export_backbone", args)

    from objectcrop.networks.layout_files import write_detectron2
    from objectcrop.networks.weights import read_training_precision, read_weights

    weights = {name: value.numpy() for name, value in read_weights(args.backbone).items()}
    write_detectron2(args.out, weights, precision=read_training_precision(args.backbone))
    print(f"{len(weights)} tensors in Detectron2's names")
    made.finish()


if __name__ == "__main__":
    run(main)
