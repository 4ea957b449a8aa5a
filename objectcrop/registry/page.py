"""A comparison as one page that needs nothing beside it."""

from objectcrop.identity.explanation import surroundings
from objectcrop.registry.comparison import Comparison
from objectcrop.registry.differences import Records, commits_of
from objectcrop.registry.words import DIGITS
from objectcrop.report.page.render import render


def render_comparison(pair: Comparison) -> str:
    """Return the page of two runs or two folders."""
    sides = [
        {"letter": letter, "words": selection.words, "commits": commits_of(records), "made": _made_with(records)}
        for letter, selection, records in zip("AB", (pair.first, pair.second), pair.records, strict=True)
    ]
    return render("compare.html", pair=pair, sides=sides, digits=DIGITS)


def _made_with(records: Records) -> list[str]:
    return list(dict.fromkeys(line for record in records.values() for line in surroundings(record)))
