"""The code digest changes with what code does, not with its words."""

import random
from pathlib import Path

import pytest

from objectcrop.study import digest as digest_module
from objectcrop.study.digest import Code, code_digest, recipe_number

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


STAGE = "workflow_scripts.stage"


@pytest.fixture
def memory(checkout):
    """A file of memory in which every source of the stage is."""
    code = Code(checkout, checkout / "memory.json")
    code.digest(STAGE)
    code.remember()
    return checkout / "memory.json"


def test_a_source_that_is_remembered_is_not_parsed_and_has_the_same_digest(checkout, memory, monkeypatch):
    expected = digest(checkout)
    monkeypatch.setattr(digest_module, "_parsed", None)
    assert Code(checkout, memory).digest(STAGE) == expected


def test_an_edited_source_is_parsed_again_and_remembered(checkout, memory, monkeypatch):
    edit(checkout, "objectcrop/room/formula.py", "side * side", "side + side")
    code = Code(checkout, memory)
    assert code.digest(STAGE) == digest(checkout)
    code.remember()
    monkeypatch.setattr(digest_module, "_parsed", None)
    assert Code(checkout, memory).digest(STAGE) == code.digest(STAGE)


def test_a_memory_that_holds_all_is_not_written_again(checkout, memory):
    before = memory.stat().st_mtime_ns, memory.stat().st_ino
    code = Code(checkout, memory)
    code.digest(STAGE)
    code.remember()
    assert (memory.stat().st_mtime_ns, memory.stat().st_ino) == before


def test_a_damaged_memory_and_one_of_another_python_are_not_used(checkout, memory, monkeypatch):
    expected, whole, rng = digest(checkout), memory.read_bytes(), random.Random(3)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        memory.write_bytes(damaged)
        assert Code(checkout, memory).digest(STAGE) == expected
    for content in (b"", b"[]", b"{}", b'{"sources": [], "check": 1}', b"\xff", b"[" * 100_000):
        memory.write_bytes(content)
        assert Code(checkout, memory).digest(STAGE) == expected
    memory.write_bytes(whole)
    monkeypatch.setattr("sys.version", "3.99")
    monkeypatch.setattr(digest_module, "_parsed", lambda data: digest_module._Source("0", ()))
    assert Code(checkout, memory).digest(STAGE) != expected  # parsed, in whatever way
