"""What one semantic segmentation is asked to do: made from the job of the rule."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.samples.order import split_threads
from objectcrop.study.jobs.segment import SegmentJob
from objectcrop.study.settings.datasets import Dataset
from objectcrop.study.settings.tasks import SemanticSegmenterTask


@dataclass(frozen=True)
class Segmentation:
    """What is fine-tuned.

    Attributes:
        label: printed with the progress.
        task: settings.
        dataset_name: data set of the task.
        dataset: its settings.
        data_root: where its files are.
        checkpoints: folder for the state.
        seeds: of everything random.
        device: that the network is on.
        num_workers: processes that read images.
        save_every_s: seconds between saves.
    """

    label: str
    task: SemanticSegmenterTask
    dataset_name: str
    dataset: Dataset
    data_root: Path
    checkpoints: Path
    seeds: Seeds
    device: torch.device
    num_workers: int = 0
    save_every_s: float = 600.0

    @classmethod
    def of(
        cls,
        job: SegmentJob,
        seed: int,
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
            data_root: where the files of data sets are.
            checkpoints: folder for the state.
            gpus: one is used; 0 is the CPU.
            threads: cores of the job, of which some read images.
            save_every_s: seconds between saves.
        """
        return cls(
            label=f"{job.task_name} {job.run_name} s{seed}",
            task=job.task,
            dataset_name=job.dataset_name,
            dataset=job.dataset,
            data_root=data_root,
            checkpoints=checkpoints,
            seeds=Seeds(job.study_seed, seed),
            device=torch.device("cuda" if gpus else "cpu"),
            num_workers=split_threads(threads, gpus)[1],
            save_every_s=save_every_s,
        )
