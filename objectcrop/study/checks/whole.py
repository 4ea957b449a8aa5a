"""Every misfit of a study whose sections are each valid."""

from collections.abc import Iterator

from objectcrop.study.checks.datasets import dataset_problems
from objectcrop.study.checks.proposals import measured_problems, proposal_problems
from objectcrop.study.checks.runs import run_problems
from objectcrop.study.checks.tables import table_problems
from objectcrop.study.checks.tasks import task_problems
from objectcrop.study.settings.subsets import SubsetDataset
from objectcrop.study.study import Study


def find_misfits(study: Study) -> list[str]:
    """Return every problem of settings that must fit together, in the order of the sections.

    What is named and not there is passed over: it is a problem of its own, or was left out as faulty.
    """
    return [
        *_study_problems(study),
        *dataset_problems(study),
        *proposal_problems(study),
        *run_problems(study),
        *task_problems(study),
        *table_problems(study),
        *measured_problems(study),
        *_measured_subset_problems(study),
    ]


def _study_problems(study: Study) -> Iterator[str]:
    for place, seed in enumerate(study.seeds):
        if seed in study.seeds[:place]:
            yield f"seeds.{place}: {seed} is in the list already; remove it"


def _measured_subset_problems(study: Study) -> Iterator[str]:
    for place, name in enumerate(study.measured_subsets):
        dataset = study.datasets.get(name)
        if dataset is not None and not isinstance(dataset, SubsetDataset):
            yield f"measured_subsets.{place}: {name!r} is no subset, its source is {dataset.source}; remove it"
