"""A comparison as lines for people."""

from collections.abc import Iterator, Sequence

from objectcrop.registry.comparison import Comparison, MetricPair
from objectcrop.registry.differences import Difference, commits_of
from objectcrop.report.page.answer import VERDICTS, with_intervals

SHOWN = 40
"""Of the settings that differ; the page has all."""
SHOWN_FILES = 2
DIGITS = 2
SIGNS = {"above": "▲", "below": "▼", "unclear": "≈", "unknown": " "}


def in_words(pair: Comparison) -> Iterator[str]:
    """Yield lines: what is compared, what differs in settings, code and versions, whether bytes do, then the metrics."""
    for letter, selection, records in zip("AB", (pair.first, pair.second), pair.records, strict=True):
        yield f"{letter}: {selection.words}, commit {commits_of(records)}"
    yield from _differing("settings", pair.settings)
    yield from _differing("code", pair.code)
    yield from _differing("versions and machines", pair.versions)
    contents = pair.contents
    if contents.same or contents.other:
        yield f"tables and weights: {len(contents.same)} have the same bytes, {len(contents.other)} have others"
        yield from (f"  other bytes: {name}" for name in contents.other)
    for letter, names in zip("AB", pair.alone, strict=True):
        if names:
            yield f"only {letter} has {len(names)} files: {_some(names)}"
    yield from _metrics(pair.metrics)
    yield from (f"note on {sentence}" for sentence in pair.notes)


def _differing(title: str, differences: Sequence[Difference]) -> Iterator[str]:
    yield f"{title}: {f'{len(differences)} differ' if differences else 'none differs'}"
    for one in differences[:SHOWN]:
        files = f"  ({_some(one.files)})" if one.files else ""
        yield f"  {one.name}: {one.first} | {one.second}{files}"
    if len(differences) > SHOWN:
        yield f"  and {len(differences) - SHOWN} more, which the page lists (--out)"


def _metrics(metrics: Sequence[MetricPair]) -> Iterator[str]:
    if not metrics:
        yield "metrics: none was measured by both"
        return
    yield "metrics: A, B, and B minus A with 95 % intervals (of images: paired where both have scores of the same ones)"
    width = max(len(pair.name) for pair in metrics)
    for pair in metrics:
        values = f"{pair.first:8.{DIGITS}f} {pair.second:8.{DIGITS}f}"
        difference, words = with_intervals(pair.difference, DIGITS), VERDICTS[pair.difference.verdict]
        paired = ", paired images" if pair.is_paired else ""
        yield f"{SIGNS[pair.difference.verdict]} {pair.name:{width}s} {values}  {difference}: {words}{paired}"
    apart = sum(pair.difference.verdict in ("above", "below") for pair in metrics)
    yield f"{apart} of {len(metrics)} differ by more than their intervals; of values that do not differ about one in twenty does"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_FILES} more" if len(names) > SHOWN_FILES else ""
    return f"{', '.join(names[:SHOWN_FILES])}{more}"
