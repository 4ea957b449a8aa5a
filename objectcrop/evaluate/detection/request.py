"""What one fine-tuning is asked to do: made from the job of the rule."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from objectcrop.study.jobs.fine_tune import FineTuneJob
from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.runs import BackboneSettings
from objectcrop.study.settings.tasks import DetectorTask, SegmenterTask


@dataclass(frozen=True)
class FineTuning:
    """What is fine-tuned.

    Attributes:
        label: printed with the progress.
        task: settings.
        backbone: trunk of the run.
        dataset_name: data set of the task.
        dataset: its settings.
        data_root: where its files are.
        weights: file of export_backbone.
        checkpoints: folder for the state.
        seed: of everything random.
        num_processes: GPUs, at least 1.
        device: cpu or cuda.
        num_workers: loader processes.
        save_every_s: seconds between saves.
    """

    label: str
    task: DetectorTask | SegmenterTask
    backbone: BackboneSettings
    dataset_name: str
    dataset: Dataset
    data_root: Path
    weights: Path
    checkpoints: Path
    seed: int
    num_processes: int = 1
    device: str = "cpu"
    num_workers: int = 0
    save_every_s: float = 600.0

    @classmethod
    def of(
        cls,
        job: FineTuneJob,
        seed: int,
        weights: Path,
        *,
        data_root: Path,
        checkpoints: Path,
        gpus: int,
        threads: int,
        save_every_s: float,
    ) -> Self:
        """Return what a job asks for.

        Args:
            job: settings.
            seed: of the run.
            weights: file of export_backbone.
            data_root: where the files of data sets are.
            checkpoints: folder for the state.
            gpus: a process for each; 0 is one process on the CPU.
            threads: cores of the job.
            save_every_s: seconds between saves.
        """
        return cls(
            label=f"{job.task_name} {job.run_name} s{seed}",
            task=job.task,
            backbone=job.run.backbone,
            dataset_name=job.dataset_name,
            dataset=job.dataset,
            data_root=data_root,
            weights=weights,
            checkpoints=checkpoints,
            seed=job.study_seed + seed,
            num_processes=max(gpus, 1),
            device="cuda" if gpus else "cpu",
            num_workers=_workers(job.task.schedule.loader_workers, threads),
            save_every_s=save_every_s,
        )


def _workers(asked: int | None, threads: int) -> int:
    return asked if asked is not None else 4 if threads > 4 else 0
