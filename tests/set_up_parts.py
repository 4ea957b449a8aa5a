"""The modules of the set-up, and programs that stand in for those it calls."""

import sys
from types import SimpleNamespace

MODULES = ("set_up", "steps", "interpreters")


def modules_of_set_up(root, monkeypatch):
    """The three modules of the set-up, which lie in no package as they run before anything is installed."""
    monkeypatch.syspath_prepend(str(root / "envs"))
    monkeypatch.delenv("PYTHON", raising=False)
    import interpreters
    import set_up
    import steps

    yield SimpleNamespace(interpreters=interpreters, set_up=set_up, steps=steps)
    for name in MODULES:
        sys.modules.pop(name)


def program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)
