"""The chaos run knows what is said by its words: these are still those that are said."""

import errno
from pathlib import Path

import pytest

from objectcrop.identity.making import Work, begin
from objectcrop.identity.running import Job, advise
from objectcrop.runtime.disk import explain_disk
from tests.chaos.driver import DAMAGED, FULL, KILLED, OTHER_LIVES, TRACEBACK

JOB = Job("pretrain", ["results/pretrain/oac/s0/backbone.safetensors"], "here", 12)


def test_they_match_what_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OBJECTCROP_LINEAGE", raising=False)
    monkeypatch.setattr("objectcrop.identity.making.code_digest", lambda module, root: "0")
    assert KILLED.search(f"a line\n{advise(JOB)}\n")
    assert OTHER_LIVES.search(JOB.describe())
    assert FULL.search(explain_disk(OSError(errno.ENOSPC, "No space", "results/a.json")))
    file = Path("results/a.json")
    file.parent.mkdir()
    file.write_text("{}")
    begin(Work("rule", {}, {}, {}, [file], ["python"])).finish()
    file.write_text("[]")
    with pytest.raises(ValueError, match="bytes") as raised:
        begin(Work("reader", {}, {}, {"from": [file]}, [], ["python"]))
    assert DAMAGED.search(str(raised.value))[1] == "results/a.json"


def test_a_traceback_is_found_up_to_its_error():
    said = 'before\nTraceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nKeyError: 3\nafter\n'
    assert TRACEBACK.findall(said) == [
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nKeyError: 3'
    ]
