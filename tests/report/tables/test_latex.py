"""LaTeX: well-formed whatever the words of the study are, and what pdflatex reads."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectcrop.report.tables.cells import Measured, build_cells
from objectcrop.report.tables.filled import FilledTable
from objectcrop.report.tables.latex import as_latex, escaped
from objectcrop.study.paper import PaperValues
from objectcrop.study.settings.tables import Table
from tests.report.tables.filled_table import filled_table

COMMAND = re.compile(r"\\(?:[a-zA-Z]+(?:\{\})?|[{}$&#%_])|\$\\[a-z]+\$")
"""What `escaped` may write: a control word that ends itself, an escaped character, a symbol in math."""
TRICKY = r"""a\b {c} $5 & #1 100% x_y ~z ^2 <p> |q| "r" [s] *t* – ± × → ≤ ° …"""


@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")) | st.sampled_from("\\{}$&#%_^~[]*<>|"))
)
def test_no_character_of_a_text_is_a_command(text):
    left = COMMAND.sub("", escaped(text))
    # braces around brackets and stars are all that is left of what LaTeX reads as its own
    assert not re.search(r"[\\$&#%_^~\[\]*{}]", re.sub(r"\{[\[\]*]\}", "", left))


def test_a_text_is_written_so_that_latex_prints_it():
    assert escaped(r"50% of A_1 & {B} #2 \c") == r"50\% of A\_1 \& \{B\} \#2 \textbackslash{}c"
    assert escaped("a ~ b ^ c [d] *") == r"a \textasciitilde{} b \textasciicircum{} c {[}d{]} {*}"
    assert escaped("1 – 2 ± 3\n†") == r"1 -- 2 $\pm$ 3 \textdagger{}"
    assert escaped("Zürich, é") == "Zürich, é"


def tricky_table():
    """Every text that a study may choose holds every special character."""
    columns = [{"metric": "map", "task": "linear", "label": TRICKY}]
    rows = [{"label": f"[{TRICKY}", "run": "a"}, {"label": f"*{TRICKY}", "paper_row": "x", "note": TRICKY}]
    table = Table.model_validate({"title": TRICKY, "columns": columns, "rows": rows, "note": f"[{TRICKY}"})
    precision = {"pretraining": "float32", "evaluation": "float32"}
    result = {"run": "a", "seed": 0, "task": "linear", "metrics": {"map": 1.0}, "precision": precision}
    cells = build_cells(table, Measured([result], {("a", "linear"): TRICKY}), PaperValues({}))
    return FilledTable(table, cells, reduced=[TRICKY, ""], name="tricky")


TABLES = pytest.mark.parametrize("filled", [filled_table(), tricky_table()], ids=["with everything", "tricky"])


@TABLES
def test_every_environment_that_begins_ends(filled):
    open_now = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", as_latex(filled)):
        if kind == "begin":
            open_now.append(name)
        else:
            assert open_now.pop() == name
    assert open_now == []


@TABLES
def test_braces_are_balanced_in_every_line(filled):
    for line in as_latex(filled).splitlines():
        bare = re.sub(r"\\[\\{}]", "", line)
        assert bare.count("{") == bare.count("}"), line


@TABLES
def test_every_line_of_the_table_has_every_column(filled):
    text = as_latex(filled)
    width = len(re.search(r"\\begin\{tabular\}\{(l\w+)\}", text).group(1))
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) >= 3
    for row in rows:
        spanned = sum(int(num) - 1 for num in re.findall(r"\\multicolumn\{(\d)\}", row))
        assert len(re.findall(r"(?<!\\)&", row)) + spanned == width - 1, row


def test_minus_signs_are_signs_and_ranges_and_words_stay():
    filled = filled_table()
    text = as_latex(filled)
    assert r"$-$0.8" in text  # 49.0 of 49.8
    assert "LOD - scene" in text
    assert "($-$" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@TABLES
def test_pdflatex_reads_it(filled, tmp_path):
    document = [
        r"\documentclass{article}",
        r"\usepackage{booktabs}",
        r"\begin{document}",
        as_latex(filled),
        r"\end{document}",
    ]
    (tmp_path / "t.tex").write_text("\n".join(document), encoding="utf-8")
    # draft mode: nothing is drawn, so that no fonts are needed
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Undefined" not in done.stdout
