"""Fine-tune Faster R-CNN C4 on a VOC devkit and measure it."""

from collections.abc import Sequence

from objectcrop.runtime.command import run


def main(argv: Sequence[str] | None = None) -> None:
    from workflow_scripts.finetuning import fine_tune_from_arguments

    fine_tune_from_arguments("workflow_scripts.finetune_detector", __doc__, argv)


if __name__ == "__main__":
    run(main)
