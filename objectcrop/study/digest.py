"""The digest of the code that a stage runs: it changes when what the code does may change, and only then.

Snakemake notices neither an edited script behind `shell:` nor an edited module (measured, version 9.27), so each rule has
this digest among its params. It is made of the syntax trees of the script and of every project module that it imports,
directly or not, without docstrings, comments, formatting and the descriptions of settings.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from objectcrop.runtime.atomic import write_json

PROJECT = ("objectcrop", "workflow_scripts")
ONLOOKERS = ("objectcrop", "identity")
"""The room that records and compares what others made: no number depends on it, so that an edit there reruns nothing."""


class _Source(NamedTuple):
    """What a module is for a digest: the digest of its syntax tree, and the modules that it may import."""

    digest: str
    imported: tuple[str, ...]


class Code:
    """The code of a checkout as it is when it is first asked for: each module is read once.

    Parsing takes a third of the time in which Snakemake reads a study (1.6 of 4.4 s), and the sources are nearly always those of
    the call before.

    Args:
        root: of the checkout.
        memory: file that keeps what was read of each source, by its bytes; without one all are parsed.
    """

    def __init__(self, root: Path, memory: Path | None = None) -> None:
        self._root, self._memory = root, memory
        self._remembered = {} if memory is None else _read_memory(memory)
        self._modules: dict[str, _Source | None] = {}
        self._kept: dict[str, _Source] = {}

    def digest(self, module: str) -> str:
        """Return 12 hexadecimal digits for `module` (for example `workflow_scripts.pretrain`).

        Raises:
            ValueError: if there is no such module.
        """
        if self._source(module) is None:
            raise ValueError(f"no module {module} under {self._root}")
        digests: dict[str, str] = {}
        todo = [module]
        while todo:
            name = todo.pop()
            if name in digests or tuple(name.split(".")[:2]) == ONLOOKERS or (source := self._source(name)) is None:
                continue
            digests[name] = source.digest
            todo += source.imported
        listing = "\n".join(f"{name} {digest}" for name, digest in sorted(digests.items()))
        return hashlib.sha256(listing.encode()).hexdigest()[:12]

    def remember(self) -> None:
        """Write what was read to the file of memory, unless that is what it holds."""
        if self._memory is not None and self._kept != self._remembered:
            sources = {key: [source.digest, list(source.imported)] for key, source in self._kept.items()}
            write_json(self._memory, {"sources": sources, "check": _check_of(sources)})

    def _source(self, module: str) -> _Source | None:
        if module not in self._modules:
            path = _file(module, self._root)
            self._modules[module] = None if path is None else self._read(path)
        return self._modules[module]

    def _read(self, path: Path) -> _Source:
        data = path.read_bytes()
        key = hashlib.sha256(data).hexdigest()
        self._kept[key] = source = self._remembered.get(key) or _parsed(data)
        return source


def code_digest(module: str, root: Path) -> str:
    """Return the digest of one module of the checkout at `root`, see `Code`.

    Raises:
        ValueError: if there is no such module.
    """
    return Code(root).digest(module)


def recipe_number(module: str, root: Path) -> int:
    """Return the RECIPE constant of a module, read without running it.

    Raises:
        ValueError: if the module has no line `RECIPE = <number>`.
    """
    path = _file(module, root)
    if path is not None:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "RECIPE" for t in node.targets):
                return int(ast.literal_eval(node.value))
    raise ValueError(f"module {module} under {root} has no RECIPE number")


def _file(module: str, root: Path) -> Path | None:
    if module.split(".")[0] not in PROJECT:
        return None
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _parsed(data: bytes) -> _Source:
    tree = ast.parse(data)
    imported = tuple(sorted({name for name in _imports(tree) if name.split(".")[0] in PROJECT}))
    bare = _WithoutWords().visit(tree)
    return _Source(hashlib.sha256(ast.dump(bare).encode()).hexdigest(), imported)


def _read_memory(path: Path) -> dict[str, _Source]:
    """Return what is remembered; nothing of a file that is damaged, or of another Python or another way to parse."""
    try:
        memory = json.loads(path.read_bytes())
        sources = memory["sources"]
        if memory["check"] != _check_of(sources):
            return {}
        return {key: _Source(digest, tuple(imported)) for key, (digest, imported) in sources.items()}
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return {}


def _check_of(sources: object) -> str:
    """Return a digest of what is remembered, of this file and of the Python, whose trees are its own."""
    text = json.dumps(sources, sort_keys=True)
    return hashlib.sha256(b"\0".join([text.encode(), Path(__file__).read_bytes(), sys.version.encode()])).hexdigest()


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # `from package import name`: the name may be a module or something inside one; files decide
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in names:
            parts = module.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


class _WithoutWords(ast.NodeTransformer):
    """Drop what only people read: docstrings and the `description=` of settings."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
        return node
