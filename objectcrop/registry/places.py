"""Where a folder of results holds what belongs to a run, and how runs are named on a command line."""

from pathlib import Path
from typing import NamedTuple

from objectcrop.study.plan import paths

RESULTS = "results"
"""The folder that the templates of the workflow's paths start from; a registered folder may have any name."""
_RUNS = Path(paths.RUN_SUMMARY).parts[1]


class Selection(NamedTuple):
    """What is compared or shown: a folder of results, one of its runs, or one seed of that.

    Attributes:
        folder: of the results.
        run: its name; None is every run.
        seed: None is every seed.
    """

    folder: Path
    run: str | None = None
    seed: int | None = None

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.run is None:
            return str(self.folder)
        return f"{self.run}{'' if self.seed is None else f' s{self.seed}'} of {self.folder}"


def place(folder: Path, template: str, **names: str | int) -> Path:
    """Return where a folder of results has a file of the workflow."""
    return folder / Path(template.format(**names)).relative_to(RESULTS)


def seeds_of(folder: Path, run: str) -> list[int]:
    """Return the seeds that a run has begun or was judged with."""
    found = [*folder.glob(f"pretrain/{run}/s*"), *folder.glob(f"eval/{run}/s*")]
    return sorted({int(path.name[1:]) for path in found if path.name[1:].isdigit()})


def select(text: str, folder: Path) -> Selection:
    """Return what an argument names.

    Args:
        text: a folder of results; a run's folder in one, as results/pretrain/oac or results/pretrain/oac/s0; or a run of
            `folder`, as oac or oac/s0.
        folder: of the results that a bare name is of.

    Raises:
        ValueError: if there is no such folder or run.
    """
    given, inside = Path(text), folder / _RUNS / text
    path = given if given.is_dir() else inside
    parts = path.absolute().parts
    for length in (2, 3):  # RUN, or RUN/sSEED, below the folder of the runs
        if len(parts) > length and parts[-length] == _RUNS and path.is_dir():
            return _selected(path, length)
    if given.is_dir() and any((given / name).is_dir() for name in (_RUNS, "eval", "lineage")):
        return Selection(given)
    raise ValueError(
        f"{text}: expected a folder of results, a run's folder below one ({_RUNS}/RUN or {_RUNS}/RUN/sSEED), or RUN or RUN/sSEED "
        f"of {folder}; `python -m workflow_scripts.runs` lists them"
    )


def _selected(path: Path, length: int) -> Selection:
    if length == 2:
        return Selection(path.parents[1], path.name)
    if not path.name[1:].isdigit():
        raise ValueError(f"{path}: expected the folder of a run or of one of its seeds, as {path.parent / 's0'}")
    return Selection(path.parents[2], path.parent.name, int(path.name[1:]))
