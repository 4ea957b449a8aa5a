"""The code digest changes with what code does, not with its words."""

from pathlib import Path

import pytest

from objectcrop.study.digest import code_digest, recipe_number

SCRIPT = "from objectcrop.room.formula import area\n\n\ndef main():\n    return area(2)\n"
FORMULA = '"""A formula."""\n\n\ndef area(side):\n    """Square."""\n    return side * side\n'


@pytest.fixture
def checkout(tmp_path):
    for folder in ("objectcrop/room", "workflow_scripts"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("objectcrop/__init__.py", "objectcrop/room/__init__.py", "workflow_scripts/__init__.py"):
        (tmp_path / file).write_text('"""Room."""\n')
    (tmp_path / "workflow_scripts/stage.py").write_text(SCRIPT)
    (tmp_path / "objectcrop/room/formula.py").write_text(FORMULA)
    (tmp_path / "objectcrop/room/other.py").write_text("RECIPE = 7\n")
    return tmp_path


def digest(checkout: Path) -> str:
    return code_digest("workflow_scripts.stage", checkout)


def edit(checkout: Path, file: str, old: str, new: str) -> None:
    path = checkout / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_words_change_nothing(checkout):
    before = digest(checkout)
    edit(checkout, "objectcrop/room/formula.py", '"""Square."""', '"""Area of a square, in square pixels."""')
    edit(checkout, "objectcrop/room/formula.py", "    return", "    # both sides are equal\n    return")
    edit(checkout, "workflow_scripts/stage.py", "\n\n\ndef", "\n\n\n\n\ndef")
    assert digest(checkout) == before


def test_a_formula_in_an_imported_module_changes_it(checkout):
    before = digest(checkout)
    edit(checkout, "objectcrop/room/formula.py", "side * side", "side * side * 1.0")
    assert digest(checkout) != before


def test_a_module_that_is_not_imported_does_not(checkout):
    before = digest(checkout)
    edit(checkout, "objectcrop/room/other.py", "7", "8")
    assert digest(checkout) == before


def test_a_module_imported_through_its_room_counts(checkout):
    (checkout / "workflow_scripts/stage.py").write_text(
        SCRIPT.replace("objectcrop.room.formula import area", "objectcrop.room import formula")
    )
    before = digest(checkout)
    edit(checkout, "objectcrop/room/formula.py", "side * side", "side + side")
    assert digest(checkout) != before


def test_what_only_records_and_compares_does_not_count(checkout):
    stage, record = checkout / "workflow_scripts/stage.py", checkout / "objectcrop/identity/record.py"
    stage.write_text("from objectcrop.identity.record import write\n" + stage.read_text())
    record.parent.mkdir()
    record.write_text("write = 1\n")
    before = digest(checkout)
    record.write_text("write = 2\n")
    assert digest(checkout) == before
    (checkout / "objectcrop/room/formula.py").write_text("changed = 1\n")
    assert digest(checkout) != before


def test_the_description_of_a_setting_is_words(checkout):
    (checkout / "objectcrop/room/formula.py").write_text("x = Field(default=1, description='one')\n")
    before = digest(checkout)
    edit(checkout, "objectcrop/room/formula.py", "'one'", "'the number one'")
    assert digest(checkout) == before
    edit(checkout, "objectcrop/room/formula.py", "default=1", "default=2")
    assert digest(checkout) != before


def test_a_recipe_number_is_read_without_running_the_module(checkout):
    assert recipe_number("objectcrop.room.other", checkout) == 7
    with pytest.raises(ValueError, match="has no RECIPE"):
        recipe_number("objectcrop.room.formula", checkout)


def test_an_unknown_module_is_an_error(checkout):
    with pytest.raises(ValueError, match="no module"):
        code_digest("workflow_scripts.gone", checkout)
