"""The audit of code and locks: what is explained passes, all else does not, and no answer is said to be none."""

import json
import sys
from datetime import date
from subprocess import CompletedProcess

import pytest

TODAY = date(2026, 12, 1)


@pytest.fixture
def audit(root, monkeypatch):
    """The module of .ci."""
    monkeypatch.syspath_prepend(str(root / ".ci"))
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    import audit

    yield audit
    sys.modules.pop("audit")


def made(audit, **changes):
    base = {"tool": "bandit", "id": "B603", "where": "*", "reason": "why", "until": date(2027, 1, 1)}
    return audit.ExceptionMade(**(base | changes))


def test_a_finding_is_a_problem_unless_an_exception_covers_it(audit):
    found = [audit.Finding("B603", "a.py", "a call"), audit.Finding("B301", "b.py", "a pickle")]
    assert audit.problems(found, [made(audit)], TODAY) == ["b.py: B301 a pickle"]
    here, elsewhere = made(audit, id="B301", where="b.py"), made(audit, id="B301", where="c.py")
    assert audit.problems(found, [made(audit), here], TODAY) == []
    (first, second) = audit.problems(found, [made(audit), elsewhere], TODAY)
    assert first == "b.py: B301 a pickle"
    assert second.endswith("the exception B301 of c.py is not needed: remove it")


def test_an_exception_holds_to_its_last_day(audit):
    found = [audit.Finding("B603", "a.py", "a call")]
    assert audit.problems(found, [made(audit, until=TODAY)], TODAY) == []
    (over,) = audit.problems(found, [made(audit, until=date(2026, 11, 30))], TODAY)
    assert over.endswith("the exception B603 of * is over since 2026-11-30")


def test_every_exception_of_the_project_has_a_reason(audit):
    listed = [one for tool in ("bandit", "dependencies") for one in audit.read_exceptions(audit.EXCEPTIONS, tool)]
    assert len(listed) > 5
    assert all(len(one.reason) > 20 for one in listed)


def answered(audit, monkeypatch, *dependencies, stdout=None, stderr=""):
    """Let pip-audit print this; what it was asked for."""
    asked, text = [], json.dumps({"dependencies": dependencies}) if stdout is None else stdout
    monkeypatch.setattr(audit, "run", lambda *words: asked.append(words) or CompletedProcess(words, 1, text, stderr))
    return asked


def ended(audit, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["audit.py", "dependencies"])
    return audit.main()


def test_a_known_vulnerability_of_a_lock_fails(audit, monkeypatch, capsys):
    known = {"id": "GHSA-1", "fix_versions": ["2.1"]}
    asked = answered(audit, monkeypatch, {"name": "jinja2", "version": "2.0", "vulns": [known]})
    assert ended(audit, monkeypatch) == 1
    assert capsys.readouterr().out == "jinja2: GHSA-1 2.0, mended in 2.1\n1 findings, 1 problems\n"
    assert {word for words in asked for word in words if word.endswith(".lock")} == set(audit.LOCKS)


def test_packages_without_one_pass(audit, monkeypatch, capsys):
    answered(audit, monkeypatch, {"name": "jinja2", "version": "3.1", "vulns": []})
    assert ended(audit, monkeypatch) == 0
    assert capsys.readouterr().out == "0 findings, 0 problems\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"stdout": "", "stderr": "Traceback\nNameResolutionError: no such host"}, "NameResolutionError: no such host"),
        ({"stdout": ""}, "nothing was printed"),
        ({"stdout": '{"dependencies": [{"name": "a", "skip_reason": "not on PyPI"}]}'}, "1 of 1 packages: not on PyPI"),
    ],
)
def test_a_service_without_an_answer_is_skipped_by_name_and_asked_once(audit, monkeypatch, capsys, answer, words):
    asked = answered(audit, monkeypatch, **answer)
    assert ended(audit, monkeypatch) == 0
    assert capsys.readouterr().out == f"SKIPPED: the packages were not audited: {words}\n"
    assert len(asked) == 1


def test_a_tool_that_is_not_installed_ends_in_one_line(audit, monkeypatch, tmp_path):
    monkeypatch.setattr(audit, "BIN", tmp_path)
    with pytest.raises(SystemExit, match=r"bandit is not in .*: make setup"):
        audit.of_code()


def test_nothing_is_fetched_before_a_commit(audit, monkeypatch, capsys):
    asked = answered(audit, monkeypatch)
    monkeypatch.setenv("PRE_COMMIT", "1")
    assert ended(audit, monkeypatch) == 0
    assert capsys.readouterr().out.startswith("SKIPPED: the packages were not audited: nothing is fetched")
    assert asked == []


@pytest.mark.parametrize(
    ("passed", "output", "word"),
    [(True, "fine", "ok"), (True, "SKIPPED: why", "SKIPPED"), (False, "SKIPPED: why", "FAILED")],
)
def test_a_check_that_could_not_be_done_is_not_said_to_be_passed(root, monkeypatch, passed, output, word):
    monkeypatch.syspath_prepend(str(root / ".ci"))
    import check

    assert check.Outcome("audit", passed, output, 1.0).word == word
    sys.modules.pop("check")
