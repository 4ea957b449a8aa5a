"""Write a run's weights in Detectron2's names."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", type=Path, required=True, help="weights of the run (torchvision's names)")
    parser.add_argument("--out", type=Path, required=True, help="pickle of numpy arrays to write, for Detectron2")
    args = parser.parse_args(argv)

    from objectcrop.evaluate.detection.weights import write_detectron2
    from objectcrop.networks.weights import read_training_precision, read_weights

    weights = {name: value.numpy() for name, value in read_weights(args.backbone).items()}
    write_detectron2(args.out, weights, precision=read_training_precision(args.backbone))
    print(f"{len(weights)} tensors in Detectron2's names")


if __name__ == "__main__":
    run(main)
