"""The jobs of one call of Snakemake, as far as a study needs to know them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class PlannedJob(NamedTuple):
    """A job that Snakemake is about to run: its rule, and the values of its wildcards."""

    rule: str
    wildcards: Mapping[str, str]


def values_of(jobs: Iterable[PlannedJob], wildcard: str) -> list[str]:
    """Return the values of a wildcard in jobs that have it, each once, in order."""
    return list(dict.fromkeys(job.wildcards[wildcard] for job in jobs if wildcard in job.wildcards))
