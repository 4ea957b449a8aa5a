"""Fine-tune Mask R-CNN FPN on COCO layout and measure it."""

from collections.abc import Sequence

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    from workflow_scripts.finetuning import fine_tune_from_arguments

    fine_tune_from_arguments("workflow_scripts.finetune_segmenter", __doc__, argv)


if __name__ == "__main__":
    run(main)
