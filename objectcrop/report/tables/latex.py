"""A table as LaTeX, for a document that loads booktabs."""

import re
from collections.abc import Iterator, Sequence

from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.notes import notes
from objectcrop.report.tables.printed import Heading, headings, lines

# Brackets and stars are LaTeX's own only behind \\ and \item; in braces they are text everywhere.
SPECIAL = {
    "\\": r"\textbackslash{}",
    **{char: f"\\{char}" for char in "{}$&#%_"},
    **{char: f"{{{char}}}" for char in "[]*"},
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\n": " ",
    "–": "--",
    "†": r"\textdagger{}",
    "…": r"\dots{}",
    "°": r"\textdegree{}",
    **{
        char: f"${name}$"
        for char, name in {"±": r"\pm", "×": r"\times", "≤": r"\leq", "≥": r"\geq", "→": r"\to"}.items()
    },
}
"""What pdfLaTeX needs written otherwise; letters with accents it reads as they are."""
MINUS = re.compile(r"(?<![\w.)\]}])-(?=[\d.])")


def as_latex(filled: FilledTable) -> str:
    r"""Return a table environment, to be read with \input by a document with \usepackage{booktabs}.

    Letters of other scripts than Latin are left as they are: LuaLaTeX and XeLaTeX read them where the font has them.
    """
    heads = headings(filled)
    width = sum(len(heading.flat) for heading in heads)
    rows = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering\footnotesize",
        rf"\caption{{{escaped(filled.table.title)}}}",
        rf"\label{{tab:{filled.name}}}",
        rf"\begin{{tabular}}{{l{'r' * width}}}",
        r"\toprule",
        *_heads(heads),
        r"\midrule",
        *(_row([escaped(line[0]), *map(_number, line[1:])]) for line in lines(filled)),
        r"\bottomrule",
        r"\end{tabular}",
        *_below(notes(filled)),
        r"\end{table}",
    ]
    return "\n".join(rows) + "\n"


def escaped(text: str) -> str:
    """Return text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(char, char) for char in text)


def _number(text: str) -> str:
    """Return the text of a cell, with signs in place of hyphens."""
    return MINUS.sub("$-$", escaped(text))


def _heads(heads: Sequence[Heading]) -> Iterator[str]:
    """Yield one line of headings, or two with rules between them where some have parts."""
    if not any(heading.parts for heading in heads):
        yield _row(["", *(escaped(heading.text) for heading in heads)])
        return
    upper, rules, start = [""], [], 2
    for heading in heads:
        num = len(heading.flat)
        upper.append(rf"\multicolumn{{{num}}}{{c}}{{{escaped(heading.text)}}}" if heading.parts else "")
        if heading.parts:
            rules.append(rf"\cmidrule(lr){{{start}-{start + num - 1}}}")
        start += num
    yield _row(upper)
    yield " ".join(rules)
    yield _row(["", *(escaped(part) for heading in heads for part in heading.parts or [heading.text])])


def _row(parts: Sequence[str]) -> str:
    return f"{' & '.join(parts)} \\\\".lstrip()


def _below(sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return []
    items = [rf"\item {escaped(sentence)}" for sentence in sentences]
    return [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}",
        r"\begin{itemize}",
        *items,
        r"\end{itemize}",
        r"\end{minipage}",
    ]
