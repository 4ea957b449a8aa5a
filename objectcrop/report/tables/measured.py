"""What a table is made from, read from the files of other rules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from objectcrop.evaluate.linear.comparison import Contributions, read_contributions
from objectcrop.report.tables.cells import Measured
from objectcrop.runtime.atomic import read_json


def read_measured(
    results: Iterable[Path], proposals: Iterable[Path], scores: Iterable[Path], stale: Mapping[str, str]
) -> Measured:
    """Return the results and summaries of a table.

    Args:
        results: of the tasks (JSON).
        proposals: summaries, DATASET/SOURCE.json.
        scores: of linear evaluations, RUN/sSEED/TASK.scores.npz; every seed of each, or none.
        stale: by file, what keeps it from being what the study would make now, in words.
    """
    by_file = {path.as_posix(): read_json(path) for path in results}
    contributions: dict[tuple[str, str], list[Contributions]] = defaultdict(list)
    for path in scores:
        contributions[path.parents[1].name, path.name.removesuffix(".scores.npz")].append(read_contributions(path))
    pairs = {path.as_posix(): (path.parent.name, path.stem) for path in proposals}
    return Measured(
        list(by_file.values()),
        {(result["run"], result["task"]): stale[file] for file, result in by_file.items() if file in stale},
        {pair: read_json(Path(file)) for file, pair in pairs.items()},
        {pair: stale[file] for file, pair in pairs.items() if file in stale},
        contributions,
    )
